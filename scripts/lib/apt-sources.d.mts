export interface AptSource {
  uri: string
  suite: string
  components: string[]
}
export function parseList(text: string): AptSource[]
export function parseDeb822(text: string): AptSource[]
export function debianMirrors(sources: AptSource[], codename: string): string[]
