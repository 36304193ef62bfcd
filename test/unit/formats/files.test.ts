import { describe, expect, it } from 'vitest'
import { shortFiles } from '../../../src/formats/files.ts'

describe('shortFiles', () => {
  it.each([
    ['/venv/lib/python3.14/site-packages/shop/io.py', 'shop/io.py'],
    ['/usr/lib/python3/dist-packages/yaml/__init__.py', 'yaml/__init__.py'],
    ['/a/site-packages/b/site-packages/c.py', 'c.py'],
    ['/usr/lib/python3.13/json/decoder.py', 'json/decoder.py'],
    ['/opt/lib64/python3.14t/threading.py', 'threading.py'],
    ['/srv/app/main.py', '/srv/app/main.py'],
    ['/srv/app/site-packages/', '/srv/app/site-packages/'],
    ['/srv/mylib/python3.14/x.py', '/srv/mylib/python3.14/x.py'],
    ['<frozen importlib._bootstrap>', '<frozen importlib._bootstrap>'],
    ['', ''],
  ])('%s: %s', (file, short) => {
    expect(shortFiles([file]).get(file)).toBe(short)
  })

  it('keeps whole paths where cutting would make two files look the same', () => {
    const files = ['/a/site-packages/x.py', '/b/site-packages/x.py', '/b/site-packages/y.py']
    expect([...shortFiles(files).values()].sort()).toEqual([
      '/a/site-packages/x.py',
      '/b/site-packages/x.py',
      'y.py',
    ])
    expect(shortFiles(['x.py', '/a/site-packages/x.py']).get('/a/site-packages/x.py')).toBe(
      '/a/site-packages/x.py',
    )
  })

  it('takes a file named twice for one', () => {
    expect(shortFiles(['/a/site-packages/x.py', '/a/site-packages/x.py']).size).toBe(1)
  })
})
