import { escapeCharacter, formatCount, visible } from '../formats/text.ts'
import type { Value } from '../sampling/value.ts'

/** A value in one line, as near to Python's own way as what was read allows. */
export function valueText(value: Value): string {
  const { kind, type = '?', text = '', length = 0, cut = false } = value
  switch (kind) {
    case 'none':
      return 'None'
    case 'ellipsis':
      return 'Ellipsis'
    case 'not-implemented':
      return 'NotImplemented'
    case 'bool':
      return text
    case 'int':
      return cut ? `<int of ${formatCount(length)} bits>` : instance(value, 'int', text)
    case 'float':
    case 'complex':
      return instance(value, kind, text)
    case 'str':
      return instance(
        value,
        'str',
        quoted(text, printable) + rest(value, [...text].length, 'character'),
      )
    case 'bytes':
      return instance(value, 'bytes', byteText(value))
    case 'bytearray':
      return `${visible(type)}(${byteText(value)})`
    case 'list':
      return instance(value, 'list', `[${items(value)}]`)
    case 'tuple':
      return tupleText(value)
    case 'set':
    case 'frozenset':
      return setText(value)
    case 'dict':
      return instance(value, 'dict', `{${entries(value)}}`)
    case 'enum':
      return `<${visible(type)}.${visible(text)}${enumValue(value)}>`
    case 'array':
      return arrayText(value)
    case 'function':
      return functionText(value)
    case 'module':
      return `<module ${quoted(text, printable)}>`
    case 'class':
      return `<class ${quoted(text, printable)}>`
    case 'code':
    case 'generator':
      return `<${visible(type)} ${visible(text)}>`
    case 'object':
      return objectText(value)
    case 'cycle':
      return `<${visible(type)} at ${value.address}, shown further out>`
    case 'unbound':
      return '<no value>'
    case 'unreadable':
      return `<unreadable at ${value.address ?? '0x0'}>`
    case 'beyond-limit':
      return '<not read: the limit is reached>'
    case 'redacted':
      return visible(text === '' ? '<redacted>' : text)
  }
}

/** The literal, with the class around it when that is made from the one whose literal it is. */
function instance({ type = '' }: Value, literalOf: string, literal: string): string {
  return type === literalOf || type === '' ? literal : `${visible(type)}(${literal})`
}

/** How much there is where less is shown: `…<1,234 characters>`. */
function rest({ cut, length = 0 }: Value, shown: number, what: string): string {
  if (!cut || length <= shown) return ''
  return `…<${formatCount(length)} ${length === 1 ? what : `${what}s`}>`
}

function list(parts: readonly string[], value: Value): string {
  return [...parts, ...[rest(value, parts.length, 'item')].filter(Boolean)].join(', ')
}

function items(value: Value): string {
  return list((value.items ?? []).map(valueText), value)
}

function entries(value: Value): string {
  const parts = (value.entries ?? []).map(
    (entry) => `${valueText(entry.key)}: ${valueText(entry.value)}`,
  )
  return list(parts, value)
}

function tupleText(value: Value): string {
  const { attributes, type = 'tuple' } = value
  if (attributes) {
    const parts = attributes.map(({ name, value }) => `${visible(name)}=${valueText(value)}`)
    return `${visible(type)}(${list(parts, value)})`
  }
  const inside = items(value)
  return instance(value, 'tuple', value.length === 1 && !value.cut ? `(${inside},)` : `(${inside})`)
}

function setText(value: Value): string {
  const { type = 'set', length = 0 } = value
  if (length === 0) return `${visible(type)}()`
  const inside = `{${items(value)}}`
  return type === 'set' ? inside : `${visible(type)}(${inside})`
}

function enumValue({ attributes = [] }: Value): string {
  const value = attributes.find(({ name }) => name === 'value')
  return value === undefined ? '' : `: ${valueText(value.value)}`
}

function arrayText({ type = 'array', text = '', shape = [] }: Value): string {
  const size = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  return `<${visible(type)} shape=${size}${text === '' ? '' : ` dtype=${visible(text)}`}>`
}

function functionText({ type = 'function', text = '', attributes = [] }: Value): string {
  const owner = attributes.find(({ name }) => name === '__self__')
  if (owner === undefined) return `<${visible(type)} ${visible(text)}>`
  return `<bound method ${visible(text)} of ${valueText(owner.value)}>`
}

function objectText(value: Value): string {
  const { type = 'object', text, address, attributes = [] } = value
  if (text !== undefined) return `<${visible(type)} ${visible(text)}>`
  const parts = attributes.map(({ name, value }) => `${visible(name)}=${valueText(value)}`)
  const missing = rest(value, parts.length, 'attribute')
  const inside = [...parts, ...(missing === '' ? [] : [missing])].join(', ')
  return `<${visible(type)} at ${address}${inside === '' ? '' : `: ${inside}`}>`
}

function byteText(value: Value): string {
  const { text = '' } = value
  return `b${quoted(text, printableByte)}${rest(value, text.length, 'byte')}`
}

/** A Python literal: in single quotes unless the other kind needs fewer escapes. */
function quoted(text: string, character: (character: string) => string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let literal = quote
  for (const each of text) {
    literal += each === quote || each === '\\' ? `\\${each}` : (SHORT[each] ?? character(each))
  }
  return literal + quote
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function printable(character: string): string {
  return visible(character)
}

function printableByte(character: string): string {
  const code = character.charCodeAt(0)
  return code < 0x20 || code >= 0x7f ? escapeCharacter(character) : character
}
