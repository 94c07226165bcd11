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
      "before": "",
      "after": "(?=\\s*\")"
    }
  ],
  [
    "as",
    {
      "before": "",
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "flag",
    {
      "before": "^\\s*",
      "after": "(?=\\s+[A-Za-z_])"
    }
  ],
  [
    "config",
    {
      "before": "^\\s*",
      "after": "(?=\\s+[A-Za-z_])"
    }
  ],
  [
    "extends",
    {
      "before": "",
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "model",
    {
      "before": "^\\s*",
      "after": "(?=\\s+[A-Za-z_])"
    }
  ],
  [
    "adapter",
    {
      "before": "^\\s*",
      "after": "(?=\\s+[A-Za-z_])"
    }
  ],
  [
    "adapt",
    {
      "before": "^\\s*",
      "after": "(?=\\s+[A-Za-z_*{])"
    }
  ],
  [
    "quantise",
    {
      "before": "",
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "on",
    {
      "before": "",
      "after": "(?=\\s+\\w+\\s*\\{)"
    }
  ],
  [
    "with",
    {
      "before": "",
      "after": "(?=\\s+\\w+\\s*\\()"
    }
  ],
  [
    "stage",
    {
      "before": "^\\s*",
      "after": "(?=\\s+[A-Za-z_])"
    }
  ],
  [
    "recipe",
    {
      "before": "^\\s*",
      "after": "(?=\\s*\")"
    }
  ],
  [
    "layout",
    {
      "before": "",
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "overlay",
    {
      "before": "",
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "by",
    {
      "before": "",
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "no_decay",
    {
      "before": "^\\s*",
      "after": "(?=\\s+[A-Za-z_*{])"
    }
  ],
  [
    "eval",
    {
      "before": "^\\s*",
      "after": "(?=\\s+[A-Za-z_*{])"
    }
  ],
  [
    "update",
    {
      "before": "",
      "after": "(?=\\s+\\w+\\s*=[^=])"
    }
  ],
  [
    "entry",
    {
      "before": "^\\s*",
      "after": "(?=\\s+\\w+\\s*\\()"
    }
  ],
  [
    "cache",
    {
      "before": "",
      "after": "(?=\\s+\\w+\\s+\")"
    }
  ],
  [
    "key",
    {
      "before": "",
      "after": "(?=\\s*\")"
    }
  ],
  [
    "resample",
    {
      "before": "",
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "merge",
    {
      "before": "^\\s*",
      "after": "(?=\\s+\\w+\\s*=)"
    }
  ],
  [
    "backward",
    {
      "before": "",
      "after": "(?=\\s+[\"{\\w])"
    }
  ],
  [
    "estimator",
    {
      "before": "(?<=backward )",
      "after": "(?=\\s*\\()"
    }
  ]
] as const;
export const NUMBER = "\\d[\\d_]*\\.\\d[\\d_]*(?:[eE][+-]?\\d+)?|\\d[\\d_]*[eE][+-]?\\d+|\\d[\\d_]*" as const;
export const STRING = "\"(?:[^\"\\\\\\n\\r]|\\\\[\"\\\\nrt])*\"" as const;
export const NAME = "[A-Za-z_][A-Za-z0-9_]*" as const;
export const OPERATOR = "\\|>|\\||->|==|!=|<=|>=|<|>|=|\\*\\*|\\*|\\+|-|\\/|%|@|\\.\\.\\." as const;
