/** `12.3 %`. */
export function shareText(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

/** A hundred times as much; what is more is beyond what a reader can picture. */
const MOST = 99

/** `+5.4 %`, `−3.0 %`, `0.0 %`; `> +9900 %` for all that is more than a hundredfold. */
export function signedText(fraction: number): string {
  if (fraction > MOST) return `> +${MOST * 100} %`
  const text = shareText(Math.abs(fraction))
  if (Number.parseFloat(text) === 0) return text
  return `${fraction < 0 ? '−' : '+'}${text}`
}
