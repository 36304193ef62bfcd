import type { Redactor } from './redactor.ts'

/**
 * A value of a Python program as far as it was read: any tree of this shape. What else it has stays
 * in what is not redacted, and is gone from what is.
 */
export interface ValueTree<Tree> {
  /** `str`, `dict`, `object`, …; `redacted` for what was left out. */
  readonly kind: string
  /** The name of its class. */
  readonly type?: string
  /** Of a str its characters, of bytes one a byte; of other kinds what they show as. */
  readonly text?: string
  /** Less is here than there is. */
  readonly cut?: boolean
  /** Of a list, tuple or set. */
  readonly items?: readonly Tree[]
  /** Of a dict. */
  readonly entries?: readonly { readonly key: Tree; readonly value: Tree }[]
  /** Of an object. */
  readonly attributes?: readonly { readonly name: string; readonly value: Tree }[]
}

/** What stands where a secret was: nothing is told but its class. */
export interface RedactedValue {
  readonly kind: 'redacted'
  readonly type?: string
}

/** Kinds whose values are no secrets, whatever their names: nothing, yes and no, code. */
const HARMLESS: ReadonlySet<string> = new Set([
  'none',
  'ellipsis',
  'not-implemented',
  'bool',
  'function',
  'module',
  'class',
  'code',
  'generator',
  'cycle',
  'unbound',
  'unreadable',
  'beyond-limit',
])
const TEXTS: ReadonlySet<string> = new Set(['str', 'bytes', 'bytearray'])
const SEQUENCES: ReadonlySet<string> = new Set(['list', 'tuple'])

/**
 * A value without the secrets in it: all of it when its name is that of a secret, else what stands
 * under such a name in it, however deep, as attribute, key of a dict, first of a pair, or option of a
 * list of arguments; and what texts hold (see `redactText`).
 * @param name of the variable
 */
export function redactValue<Tree extends ValueTree<Tree>>(
  name: string,
  value: Tree,
  redactor: Redactor,
): Tree | RedactedValue {
  if (redactor.isSecret(name) && !HARMLESS.has(value.kind)) {
    return { kind: 'redacted', ...(value.type !== undefined && { type: value.type }) }
  }
  const within = (childName: string, child: Tree) => redactValue(childName, child, redactor) as Tree
  const { items, entries, attributes } = value
  return {
    ...value,
    ...(isText(value) && { text: redactedText(value, redactor) }),
    ...(items && {
      items: SEQUENCES.has(value.kind)
        ? redactSequence(items, redactor)
        : items.map((item) => within('', item)),
    }),
    ...(entries && {
      entries: entries.map((entry) => ({
        ...entry,
        key: within('', entry.key),
        value: within(isText(entry.key) ? entry.key.text : '', entry.value),
      })),
    }),
    ...(attributes && {
      attributes: attributes.map((each) => ({ ...each, value: within(each.name, each.value) })),
    }),
  }
}

function isText<Tree>(value: ValueTree<Tree>): value is ValueTree<Tree> & { text: string } {
  return TEXTS.has(value.kind) && value.text !== undefined
}

/** `('Authorization', 'Bearer …')` is a header, `['--token', '…']` are arguments. */
function redactSequence<Tree extends ValueTree<Tree>>(
  items: readonly Tree[],
  redactor: Redactor,
): readonly Tree[] {
  return items.map((item, at) => {
    const before = items[at - 1]
    const isNamed =
      before !== undefined && isText(before) && (items.length === 2 || isOption(before))
    return redactValue(isNamed ? (before.text ?? '') : '', item, redactor) as Tree
  })
}

function isOption({ text = '' }: { readonly text?: string }): boolean {
  return /^-[\w.-]+$/.test(text)
}

/** Of a text that is cut the end is unknown: it may be in the middle of a URL's password. */
function redactedText(value: { text: string; cut?: boolean }, redactor: Redactor): string {
  if (!value.cut) return redactor.text(value.text)
  const suffix = '@cut'
  const shown = redactor.text(value.text + suffix)
  return shown.endsWith(suffix) ? shown.slice(0, -suffix.length) : shown
}
