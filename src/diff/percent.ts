/** `12.3 %`. */
export function shareText(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

/** `+5.4 %`, `−3.0 %`, `0.0 %`. */
export function signedText(fraction: number): string {
  const text = shareText(Math.abs(fraction))
  if (Number.parseFloat(text) === 0) return text
  return `${fraction < 0 ? '−' : '+'}${text}`
}
