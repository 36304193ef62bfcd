/**
 * Whether a text as a whole fits a pattern in which `*` stands for any text and `?` for any
 * character. Takes time in proportion to the two lengths multiplied, whatever they hold: the text
 * is a foreign process's.
 */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0
  let from = 0
  /** Where to go on when what follows the last star does not fit; -1: no star yet. */
  let afterStar = -1
  let starFrom = 0
  while (from < text.length) {
    const wanted = pattern[at]
    if (wanted === '*') {
      afterStar = ++at
      starFrom = from
    } else if (wanted !== undefined && (wanted === '?' || wanted === text[from])) {
      at++
      from++
    } else if (afterStar >= 0) {
      at = afterStar
      from = ++starFrom
    } else {
      return false
    }
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}
