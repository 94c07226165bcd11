// generated from grammar/tokens.ts by scripts/generate.ts; do not edit, run `npm run generate`

export const RESERVED = [
  "let",
  "param",
  "buffer",
  "forward",
  "fn",
  "if",
  "else",
  "for",
  "in",
  "when",
  "and",
  "or",
  "not",
  "true",
  "false",
  "none",
  "import",
  "module",
  "train",
  "set"
] as const;
export const CONTEXTUAL = [
  [
    "from",
    {
      "start": false,
      "after": "(?=\\s*\")"
    }
  ],
  [
    "as",
    {
      "start": false,
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "flag",
    {
      "start": true,
      "after": "(?=\\s+[A-Za-z_])"
    }
  ],
  [
    "config",
    {
      "start": true,
      "after": "(?=\\s+[A-Za-z_])"
    }
  ],
  [
    "extends",
    {
      "start": false,
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "model",
    {
      "start": true,
      "after": "(?=\\s+[A-Za-z_])"
    }
  ],
  [
    "adapter",
    {
      "start": true,
      "after": "(?=\\s+[A-Za-z_])"
    }
  ],
  [
    "adapt",
    {
      "start": true,
      "after": "(?=\\s+[A-Za-z_*{])"
    }
  ],
  [
    "quantise",
    {
      "start": false,
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "on",
    {
      "start": false,
      "after": "(?=\\s+\\w+\\s*\\{)"
    }
  ],
  [
    "with",
    {
      "start": false,
      "after": "(?=\\s+\\w+\\s*\\()"
    }
  ],
  [
    "stage",
    {
      "start": true,
      "after": "(?=\\s+[A-Za-z_])"
    }
  ],
  [
    "recipe",
    {
      "start": true,
      "after": "(?=\\s*\")"
    }
  ],
  [
    "layout",
    {
      "start": false,
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "overlay",
    {
      "start": false,
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "by",
    {
      "start": false,
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "no_decay",
    {
      "start": true,
      "after": "(?=\\s+[A-Za-z_*{])"
    }
  ],
  [
    "eval",
    {
      "start": true,
      "after": "(?=\\s+[A-Za-z_*{])"
    }
  ],
  [
    "update",
    {
      "start": false,
      "after": "(?=\\s+\\w+\\s*=[^=])"
    }
  ],
  [
    "entry",
    {
      "start": true,
      "after": "(?=\\s+\\w+\\s*\\()"
    }
  ],
  [
    "cache",
    {
      "start": false,
      "after": "(?=\\s+\\w+\\s+\")"
    }
  ],
  [
    "key",
    {
      "start": false,
      "after": "(?=\\s*\")"
    }
  ],
  [
    "resample",
    {
      "start": false,
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "merge",
    {
      "start": true,
      "after": "(?=\\s+\\w+\\s*=)"
    }
  ],
  [
    "backward",
    {
      "start": false,
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "estimator",
    {
      "start": false,
      "after": "(?=\\s+[\"{\\w])"
    }
  ]
] as const;
export const NUMBER = "\\d[\\d_]*\\.\\d[\\d_]*(?:[eE][+-]?\\d+)?|\\d[\\d_]*[eE][+-]?\\d+|\\d[\\d_]*" as const;
export const STRING = "\"(?:[^\"\\\\\\n\\r]|\\\\[\"\\\\nrt])*\"" as const;
export const NAME = "[A-Za-z_][A-Za-z0-9_]*" as const;
export const OPERATOR = "\\|>|\\||->|==|!=|<=|>=|<|>|=|\\*\\*|\\*|\\+|-|\\/|%|@|\\.\\.\\." as const;
