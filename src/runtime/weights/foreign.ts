/**
 * What a file is that was given as weights and is none, by its first bytes: the name says little, and half of what is
 * downloaded is a page or a pointer instead of the file.
 */

import { SIGNATURE_BYTES } from './source.ts';

/** Formats that are read where open.ts is at hand. */
export type ReadFormat = 'zip' | 'pickle' | 'gguf' | 'npy' | 'onnx';

/** What it is, and what to do about it. */
export interface Foreign {
  readonly what: string;
  readonly fix: string;
  readonly format?: ReadFormat;
}

const TORCH =
  'convert it in Python: safetensors.torch.save_file(torch.load("FILE", map_location="cpu", weights_only=True), "model.safetensors"), ' +
  'where FILE holds one dictionary of tensors';

interface Signature extends Foreign {
  /** bytes as Latin-1 */
  readonly starts: string;
}

const UNPACK = 'unpack it first';

const SIGNATURES: readonly Signature[] = [
  {
    starts: 'GGUF',
    what: 'a GGUF file',
    fix: 'fetch the safetensors of the model that it was made from',
    format: 'gguf',
  },
  { starts: '\x89HDF\r\n\x1a\n', what: 'an HDF5 file (Keras)', fix: 'save its tensors by safetensors.numpy.save_file' },
  {
    starts: '\x93NUMPY',
    what: 'a NumPy array (.npy)',
    fix: 'save it by safetensors.numpy.save_file',
    format: 'npy',
  },
  {
    starts: 'version https://git-lfs',
    what: 'a Git LFS pointer, which stands for the file',
    fix: 'fetch the file itself: git lfs pull',
  },
  { starts: '\x1f\x8b', what: 'a gzip archive', fix: UNPACK },
  { starts: 'BZh', what: 'a bzip2 archive', fix: UNPACK },
  { starts: '\xfd7zXZ\0', what: 'an xz archive', fix: UNPACK },
  { starts: '\x28\xb5\x2f\xfd', what: 'a Zstandard archive', fix: UNPACK },
  { starts: '7z\xbc\xaf\x27\x1c', what: 'a 7-Zip archive', fix: UNPACK },
];

/** Undefined where nothing is known about bytes that begin so. */
export function recognise(bytes: Uint8Array): Foreign | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, SIGNATURE_BYTES));
  const signature = SIGNATURES.find(({ starts }) => head.startsWith(starts));
  if (signature) return signature;
  if (head.startsWith('PK\x03\x04')) return { ...zip(head), format: 'zip' };
  const [first = 0, second = 0, third = 0] = bytes;
  // PROTO, a protocol of 2 to 5, then an opcode; a length of safetensors would have zeros there
  if (first === 0x80 && second >= 2 && second <= 5 && third !== 0)
    return { what: 'a PyTorch pickle', fix: TORCH, format: 'pickle' };
  if (/^(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)*<(!doctype|html|\?xml|head|body)\b/is.test(head))
    return { what: 'an HTML page', fix: 'the server sent a page instead of the file: fetch it by its download link' };
  // ir_version of ONNX, then the producer, the domain, a version, a text, the graph or the opsets
  if (first === 0x08 && second >= 3 && second <= 20 && [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].includes(third))
    return { what: 'an ONNX model', fix: 'fetch the safetensors that it was made from', format: 'onnx' };
  if (bytes.length > 0 && bytes.subarray(0, SIGNATURE_BYTES).every(isText)) {
    const begins = head.trim().slice(0, 40).replace(/\s+/g, ' ');
    return { what: `text that begins with ${JSON.stringify(begins)}`, fix: 'fetch the file of weights itself' };
  }
  return undefined;
}

/** A zip archive by the name of its first member, which stands after 30 bytes. */
function zip(head: string): Foreign {
  const length = head.charCodeAt(26) + 256 * head.charCodeAt(27);
  const member = head.slice(30, 30 + length);
  if (
    /(^|\/)(data\.pkl|byteorder|version|constants\.pkl|\.format_version|\.storage_alignment)$|\/(data|code)\//.test(
      member,
    )
  )
    return { what: 'a PyTorch pickle in a zip archive', fix: TORCH };
  if (member.endsWith('.npy'))
    return {
      what: 'a NumPy archive (.npz)',
      fix: 'save its arrays by safetensors.numpy.save_file(dict(numpy.load("FILE")), …)',
    };
  return { what: 'a zip archive', fix: UNPACK };
}

/** Printable ASCII, a tab or a line end. */
function isText(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}
