/** Thrown after a diagnostic was added: the statement is given up, its names become error values, the rest goes on. */
export class Reported extends Error {
  constructor() {
    super('reported');
    this.name = 'Reported';
  }
}
