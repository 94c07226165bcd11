/** Faults of image decoding, each with the test that names it. */
import type { Mutant } from './mutant.ts';

const FORMATS = 'test/runtime/image/formats.test.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    fault: 'CMYK that Adobe did not write is taken for plain ink, so pictures are negatives',
    file: 'src/runtime/image/jpeg.ts',
    find: 'const product = (255 - inks[from + c]!) * light + 128;',
    replace: 'const product = inks[from + c]! * light + 128;',
    test: FORMATS,
    fails: "JPEG, 'CMYK without APP14'",
  },
  {
    fault: 'a JPEG that is cut short is shown with grey where its rest was',
    file: 'src/runtime/image/jpeg-header.ts',
    find: "throw damaged(frame ? 'it is cut short' : 'it has no frame header');",
    replace: 'break;',
    test: FORMATS,
    fails: 'R0403: files that are cut short',
  },
  {
    fault: 'a photograph taken with the camera on its left side is turned the wrong way',
    file: 'src/runtime/image/orient.ts',
    find: '6: { swap: true, x: true, y: false },',
    replace: '6: { swap: true, x: false, y: true },',
    test: FORMATS,
    fails: "'JPEG 6'",
  },
  {
    fault: 'grey of 2 bits is shown four levels dark on white, as decodeOnWhite did',
    file: 'src/runtime/image/png/paint.ts',
    find: 'const scale = 255 / (colours - 1); // 255, 85, 17, 1',
    replace: 'const scale = 1;',
    test: FORMATS,
    fails: "'PNG, grey 2 bit'",
  },
  {
    fault: 'a transparent colour of 16 bits also hides what differs in the low byte alone',
    file: 'src/runtime/image/png/paint.ts',
    find: '(bytes === 2 ? [value >> 8, value & 255] : [value])',
    replace: '(bytes === 2 ? [value >> 8] : [value])',
    test: FORMATS,
    fails: "'PNG, rgb 16 bit, transparent'",
  },
  {
    fault: 'each pass of an interlaced PNG is filtered against the last row of the one before',
    file: 'src/runtime/image/png/rows.ts',
    find: 'if (next && (next.step !== place.step || next.x0 !== place.x0)) above.fill(0);',
    replace: '',
    test: FORMATS,
    fails: "'PNG, grey 8 bit, interlaced'",
  },
  {
    fault: 'a small file that claims to be gigantic is decoded',
    file: 'src/runtime/image/options.ts',
    find: 'if (width * height > max_pixels)',
    replace: 'if (width > max_pixels)',
    test: FORMATS,
    fails: 'R0402: pixels by the header',
  },
  {
    fault: 'transparent pixels of a picture that is asked about are black, whatever the model was trained with',
    file: 'src/recipes/vision-language/ask.ts',
    find: '...says.image,',
    replace: '',
    test: 'test/recipes/vision-language/ask.test.ts',
    fails: 'background: what transparent pixels show',
  },
  {
    fault: "photographs in a folder of training data lie on their side, as in PIL's Image.open",
    file: 'src/recipes/vision-language/data/folder/folder.node.ts',
    find: 'exif_orientation = true, background',
    replace: 'exif_orientation = false, background',
    test: 'test/recipes/vision-language/folder.test.ts',
    fails: 'stand upright',
  },
];
