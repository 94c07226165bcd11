/** A stage that cannot be trained as it is written; the message is lower case, one sentence, naming both sides. */
export class StageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StageError';
  }
}
