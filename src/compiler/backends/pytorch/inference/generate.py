"""Goes on from a prompt with the model beside this file: the likeliest token each time, unless a temperature is given.

    python generate.py --ids "5 8 13"                                token ids, in and out: needs torch alone
    python generate.py --prompt "what is this?" --image cat.png      needs tokenizers, and Pillow for pictures

Below a folder that Python takes for a package it is `python -m out.nano.generate`. Prompts, pictures and what ends an answer are those of
`mdl generate`: they come from manifest.json. Without a temperature nothing is drawn, whatever generation_config.json says of it."""

import argparse
import json
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import lora  # noqa: E402
import model as written  # noqa: E402
from lora import Problem  # noqa: E402

PLACE = "<ImageHere>"
#: as the recipe vision-language has them
TEMPLATES = {
    "inst": "[INST] {} [/INST]",
    "human": "###Human: {} ###Assistant: ",
    "instruct": "Instruct: {} /n Output: ",
    "none": "{}",
}
#: settings of prompts and pictures that `mdl generate` follows and this program does not
UNREAD = ("shorter_side", "longest_side", "image_placeholder", "image_words", "part_words", "row_end", "parts_end")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    prompt = parser.add_mutually_exclusive_group(required=True)
    prompt.add_argument("--prompt", help="text")
    prompt.add_argument("--ids", help='token ids, "5 8 13"')
    parser.add_argument("--image", action="append", default=[], help=f"a picture for each {PLACE} of the prompt, or before it")
    parser.add_argument("--template", choices=TEMPLATES, help="around the prompt (default: the model's)")
    parser.add_argument("--end", help="text that ends the answer (default: the model's)")
    parser.add_argument("--raw", action="store_true", help="the prompt as it stands: of a chat model, as its chat template makes it")
    parser.add_argument("--max-new-tokens", type=int, default=64)
    parser.add_argument("--temperature", type=float, default=0.0, help="0: the likeliest token")
    parser.add_argument("--top-k", type=int)
    parser.add_argument("--top-p", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--weights", type=Path, default=HERE / "model.safetensors")
    parser.add_argument("--adapter", type=Path, help="a folder in PEFT's format; merged where the model has no A and B of its own")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--json", action="store_true", help="one line with the tokens, the text and what ended it")
    given = parser.parse_args()
    sampled = [name for name in ("top_k", "top_p", "seed") if getattr(given, name) is not None]
    if given.max_new_tokens < 1 or given.temperature < 0:
        parser.error("--max-new-tokens is at least 1, and --temperature at least 0")
    if sampled and given.temperature == 0:
        parser.error(f"--{sampled[0].replace('_', '-')} needs a --temperature above 0, because the likeliest token is not drawn")
    for option in ("image", "template", "end", "raw"):
        if given.ids is not None and getattr(given, option):
            parser.error(f"--{option} belongs to a --prompt, and --ids are the whole prompt")
    return given


class Generator:
    """The entries of a model that play the roles `embed_tokens` and `decode`, and what its manifest says of prompts."""

    def __init__(self, net, manifest):
        self.net, self.entries = net, manifest["entries"]
        self.roles, self.methods = manifest["model"].get("roles", {}), manifest["targets"]["pytorch"].get("methods", {})
        self.given = manifest["model"].get("ports", {}).get("decode", {})
        self.recipe = manifest["model"].get("recipe") or {"name": None, "settings": {}}
        self.settings = self.recipe["settings"]
        self.device = next(net.parameters()).device
        decode = self.ports("decode")
        pasts = {port["past"] for port in decode["cache"]}
        self.cached = bool(pasts)
        self.inputs = [port for port in decode["inputs"] if port["name"] not in pasts]
        #: rows of the table of positions, where the model has one
        self.positions = next((port["range"]["high"] for port in self.inputs if port["name"] == "position_ids" and "range" in port), None)
        presents = {port["present"] for port in decode["cache"]}
        outputs = [port["name"] for port in decode["outputs"] if port["name"] not in presents]
        self.logits = outputs.index(self.given.get("logits", "logits"))

    def ports(self, role):
        """The entry that plays a role as the manifest has it, or None."""
        return self.entries.get(self.roles.get(role, role))

    def run(self, role, *given):
        entry = self.roles.get(role, role)
        return getattr(self.net, self.methods.get(entry, entry))(*given)

    def embed(self, ids):
        """Token ids → [1, T, d]. @raises Problem for an id that the model has not"""
        (port,) = self.ports("embed_tokens")["inputs"]
        known = port.get("range")
        for one in ids:
            if known and not (0 <= one < known["high"] or one in known.get("also", [])):
                raise Problem("R0302", f"prompt 0 has the token {one}, and the model has 0 to {known['high'] - 1}")
        embedded = self.run("embed_tokens", torch.tensor([ids], dtype=torch.int64, device=self.device))
        return embedded[0] if isinstance(embedded, tuple) else embedded

    def see(self, picture):
        """A picture's file → its embeddings [tokens, d]."""
        entry = self.ports("encode_image")
        if entry is None:
            raise Problem("R0303", "the model has no entry encode_image, so it takes no pictures")
        size = entry["inputs"][0]["shape"][-2:]
        features = self.run("encode_image", pixels(picture, size, self.settings).to(self.device))
        features = features[0] if isinstance(features, tuple) else features
        return features.reshape(-1, features.shape[-1])

    def prompt(self, texts, pictures, tokenizer):
        """Texts with a picture between each two → [1, T, d]."""
        parts = []
        for index, text in enumerate(texts):
            ids = tokenizer.encode(text)
            parts += [self.embed(ids)[0]] if ids else []
            parts += [self.see(pictures[index])] if index < len(pictures) else []
        if not parts:
            raise Problem("R0302", "prompt 0 is empty, so give one row of token ids or embeddings per prompt")
        return torch.cat(parts)[None]

    def tokens(self, embeds, most, choose):
        """Yields tokens, at most so many. @param choose logits [V] → token"""
        past, everything, seen = None, embeds, embeds.shape[1]
        positions = self.settings.get("max_positions", self.positions)
        if positions is not None and seen + most - 1 > positions:
            raise Problem("R0306", f"the prompt has {seen} tokens and {most} new ones may follow, and the model has {positions} positions")
        for step in range(most):
            logits, past = self.decoded(embeds, seen, past)
            if not torch.isfinite(logits.max()):
                raise Problem("R0305", f"the logits of row 0 are not numbers at token {step}, so check the weights for NaN and infinity")
            token = choose(logits)
            yield token
            if step + 1 == most:
                return
            embeds, seen = self.embed([token]), seen + 1
            if not self.cached:
                everything = torch.cat((everything, embeds), dim=1)
                embeds = everything

    def decoded(self, embeds, seen, past):
        """Logits of the next token in float64, and the cache. The mask covers what was before, positions only what is new."""
        steps, fed = embeds.shape[1], []
        for port in self.inputs:
            dtype = {"f32": torch.float32, "i64": torch.int64, "bool": torch.bool}[port["dtype"]]
            if port["name"] == self.given.get("inputs_embeds", "inputs_embeds"):
                fed.append(embeds)
            elif port["name"] == "attention_mask":
                fed.append(torch.ones(1, seen, dtype=dtype, device=self.device))
            elif port["name"] == "position_ids":
                fed.append(torch.arange(seen - steps, seen, dtype=dtype, device=self.device)[None])
            else:
                raise Problem("R0207", f"decode needs the input {port['name']}, which generation does not have")
        results = self.run("decode", *fed, *([past] if self.cached else []))
        results = results if isinstance(results, tuple) else (results,)
        return results[self.logits][0, -1].double(), results[-1] if self.cached else None


def chooser(temperature, top_k, top_p, seed):
    """The likeliest token, or one that is drawn."""
    if temperature == 0:
        return lambda logits: int(logits.argmax())
    draws = torch.Generator().manual_seed(0 if seed is None else seed)

    def drawn(logits):
        scores, order = (logits.cpu() / temperature).sort(descending=True, stable=True)
        shares = scores[: top_k or None].softmax(-1)
        if top_p is not None:
            shares = shares.where(shares.cumsum(-1) - shares < top_p, 0.0)
        return int(order[torch.multinomial(shares, 1, generator=draws)])

    return drawn


class Bytes:
    """The tokenizer that needs no file: the bytes of UTF-8."""

    def encode(self, text):
        return list(text.encode())

    def decode(self, ids):
        return bytes(ids).decode("utf-8", "replace")


class Words:
    """tokenizer.json, by the package tokenizers."""

    def __init__(self, path, special):
        """@param special whether the tokenizer puts its own tokens around a prompt"""
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise Problem("R0235", "text needs the package tokenizers: pip install tokenizers, or give --ids") from error
        if not path.exists():
            raise Problem("C0104", f"{path} is not there: put the model's tokenizer.json beside model.py, or give --ids")
        self.tokenizer, self.special = Tokenizer.from_file(str(path)), special
        self.tokenizer.no_padding()
        if not special:
            self.tokenizer.no_truncation()

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=self.special).ids

    def decode(self, ids):
        return self.tokenizer.decode(ids)


def pixels(path, size, settings):
    """A picture → [1, 3, H, W], by Pillow: its background, its orientation, its filter, mean and deviation."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise Problem("R0235", "pictures need the package Pillow: pip install pillow") from error
    try:
        picture = Image.open(path)
        most = settings.get("max_pixels", 2**26)
        if picture.width * picture.height > most:
            raise Problem("R0404", f"the image {path} has {picture.width} × {picture.height} pixels, and the most is {most}")
        picture.load()
    except OSError as error:
        raise Problem("C0106", f"the image {path} cannot be used: {error}") from error
    if settings.get("exif_orientation"):
        picture = ImageOps.exif_transpose(picture)
    background = settings.get("background")
    if background is not None and picture.has_transparency_data:
        seen = picture.convert("RGBA")
        picture = Image.new("RGB", seen.size, tuple(background))
        picture.paste(seen, mask=seen.getchannel("A"))
    height, width = size
    resample = Image.Resampling[settings.get("resample", "bicubic").upper()]
    picture = picture.convert("RGB").resize((width, height), resample)
    values = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).reshape(height, width, 3) / 255
    mean, deviation = torch.tensor(settings["mean"]), torch.tensor(settings["std"])
    return ((values - mean) / deviation).permute(2, 0, 1)[None]


def prompt_of(given, generator):
    """What the answer goes on from, [1, T, d]; how its tokens are read, and the text that ends it. Token ids have neither."""
    recipe, settings = generator.recipe["name"], generator.settings
    if given.ids is not None:
        return generator.embed(ids_of(given.ids)), None, None
    if recipe not in ("vision-language", "text", "chat"):
        raise Problem("C0411", "the model's recipe says nothing of prompts, so give --ids")
    if recipe == "chat" and not given.raw:
        raise Problem("R1192", "the chat template is not rendered here: give the text that it makes, with --raw")
    seen = recipe == "vision-language"
    for option, fits in (("raw", not seen), ("template", seen), ("end", seen), ("image", seen)):
        if getattr(given, option) and not fits:
            raise Problem("C0208", f"--{option} has no meaning for a model of the recipe {recipe}")
    unread = [name for name in UNREAD if seen and settings.get(name) is not None]
    if unread:
        raise Problem("C0411", f"the model's recipe has {', '.join(unread)}, which this program does not follow: ask `mdl generate`, or give --ids")
    tokenizer = Bytes() if settings.get("tokenizer") == "bytes" else Words(HERE / "tokenizer.json", recipe == "text")
    if not seen:
        return generator.prompt([given.prompt], [], tokenizer), tokenizer, None
    tags = "" if PLACE in given.prompt else "".join(f"<Img>{PLACE}</Img> " for _ in given.image)
    text = TEMPLATES[given.template or settings.get("template", "none")].replace("{}", tags + given.prompt)
    texts = text.split(PLACE)
    if len(texts) - 1 != len(given.image):
        raise Problem("R0601", f"the prompt has {len(texts) - 1} places for images and {len(given.image)} are given")
    end = given.end if given.end is not None else settings.get("end")
    return generator.prompt(texts, given.image, tokenizer), tokenizer, end


@torch.no_grad()
def answer(given, generator):
    """@return the record of an answer"""
    embeds, tokenizer, end = prompt_of(given, generator)
    choose = chooser(given.temperature, given.top_k, given.top_p, given.seed)
    tokens, finish, text, stops = [], "length", None, stops_of(generator.settings)
    for token in generator.tokens(embeds, given.max_new_tokens, choose):
        if token in stops:
            finish = "stop_token"
            break
        tokens.append(token)
        if end and end in tokenizer.decode(tokens):
            text = tokenizer.decode(tokens).split(end)[0]
            while tokens and len(tokenizer.decode(tokens)) > len(text):
                tokens.pop()
            finish = "stop_sequence"
            break
    if tokenizer is None:
        return {"tokens": tokens, "finish": finish}
    return {"text": tokenizer.decode(tokens) if text is None else text, "tokens": tokens, "finish": finish}


def stops_of(settings):
    """Tokens that end an answer: those of generation_config.json, where the model came with one, else the recipe's."""
    path = HERE / "generation_config.json"
    config = json.loads(path.read_text()) if path.exists() else {}
    for name in ("repetition_penalty", "num_beams"):
        if config.get(name) not in (None, 1):
            print(f"note: generation_config.json has {name} {config[name]}, which `mdl generate` follows and this program does not", file=sys.stderr)
    ends = config.get("eos_token_id")
    ends = settings.get("eos") if ends is None else ends
    return ends if isinstance(ends, list) else [ends]


def ids_of(text):
    ids = text.replace(",", " ").split()
    if not ids or not all(one.isdecimal() for one in ids):
        raise Problem("R0302", f'prompt 0 is {text!r}, and token ids are whole numbers: --ids "5 8 13"')
    return [int(one) for one in ids]


def opened(weights):
    try:
        return written.load(weights)
    except OSError as error:
        raise Problem("C0104", f"{weights} cannot be read: {error.strerror}") from error
    except RuntimeError as error:
        wrong = str(error).strip().splitlines()
        raise Problem("C0101", f"{weights} does not fit the model: {wrong[1].strip() if len(wrong) > 1 else wrong[0]}") from error


def main():
    given = arguments()
    try:
        manifest = json.loads((HERE / "manifest.json").read_text())
        cuda = torch.cuda.is_available() if given.device == "auto" else given.device == "cuda"
        net = opened(given.weights)
        if given.adapter is not None:
            lora.load(net, given.adapter, merge="adapter" not in manifest["targets"]["pytorch"])
        net = net.eval().to("cuda" if cuda else "cpu")
        said = answer(given, Generator(net, manifest))
    except Problem as problem:
        sys.exit(f"generate.py: {problem}")
    print(json.dumps(said) if given.json else said.get("text", " ".join(map(str, said["tokens"]))))


if __name__ == "__main__":
    main()
