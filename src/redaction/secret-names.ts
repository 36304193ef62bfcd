/** A name with one of these anywhere in it, whatever stands around it, is the name of a secret. */
const STEMS = [
  'password',
  'passwd',
  'passphrase',
  'passcode',
  'pwd',
  'secret',
  'token',
  'key',
  'credential',
  'authorization',
  'bearer',
  'cookie',
  'session',
  'dsn',
  'jwt',
  'signature',
] as const

/** The same as a word of the name, or at the end of one; they are in too many other words. */
const WORD = /^(?:creds?|csrf|otp|pin|pw|sid|xsrf)$|(?:auth|pass)$/

/** Words with a stem in them that is not meant. */
const OTHER_WORDS = /keyword|keyboard/g

/** What is compared of a name: its letters and digits, in lower case. `API-Key` is `apikey`. */
export function nameStem(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '')
}

/** Tells whether a name says that its value is a secret. */
export type SecretNames = (name: string) => boolean

/** @param more stems besides pyprof's own */
export function secretNames(more: readonly string[] = []): SecretNames {
  const added = more.map(nameStem).filter((stem) => stem !== '')
  return (name) => {
    const stem = nameStem(name)
    const own = stem.replace(OTHER_WORDS, '')
    return (
      STEMS.some((each) => own.includes(each)) ||
      added.some((each) => stem.includes(each)) ||
      words(name).some((each) => WORD.test(each))
    )
  }
}

/** `dbPass`, `DB_PASS` and `db-pass2` have the word `pass`. */
function words(name: string): string[] {
  const found = name.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+/gu) ?? []
  return found.map((word) => word.toLowerCase())
}

/** Shorter parts of names would be in nearly every name. */
const SHORTEST_STEM = 2

/** Whether a text can be a part of names of secrets. */
export function isNameStem(text: string): boolean {
  return nameStem(text).length >= SHORTEST_STEM
}
