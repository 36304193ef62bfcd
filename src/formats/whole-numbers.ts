/** Makes numbers whole so that their sum, too, is only rounded once. */
export class WholeNumbers {
  #sum = 0

  /** The next number, less than 1 away from the given one. */
  next(value: number): number {
    const before = Math.round(this.#sum)
    this.#sum += value
    return Math.round(this.#sum) - before
  }
}
