import { expect } from 'vitest'

/** XML 1.0 characters: no controls but tab and line ends, no surrogates, no U+FFFE and U+FFFF. */
const ONLY_XML = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u
const TAG =
  /<(\/?)([a-zA-Z-]+)((?:\s+[a-zA-Z-]+(?::[a-z]+)?="[^"<&]*(?:&#\d+;[^"<&]*)*")*)\s*(\/?)>/y

/** Fails unless the text is a well-formed document of the kind we write: elements and CDATA. */
export function checkXml(text: string): void {
  expect(ONLY_XML.test(text)).toBe(true)
  const open: string[] = []
  let at = 0
  while (at < text.length) {
    if (text.startsWith('<![CDATA[', at)) {
      expect(open.length).toBeGreaterThan(0)
      at = text.indexOf(']]>', at) + 3
      expect(at).toBeGreaterThan(2)
    } else if (text[at] === '<') {
      TAG.lastIndex = at
      const tag = TAG.exec(text)
      if (!tag) throw new Error(`Not a tag: ${text.slice(at, at + 200)}`)
      const [whole, closing, name, , empty] = tag
      if (closing) expect(open.pop()).toBe(name)
      else if (!empty) open.push(name!)
      at += whole.length
    } else {
      const next = text.indexOf('<', at)
      const content = text.slice(at, next === -1 ? text.length : next)
      expect(content.replaceAll(/&#\d+;/g, '')).not.toMatch(/[&]|]]>/)
      at += content.length
    }
  }
  expect(open).toEqual([])
}
