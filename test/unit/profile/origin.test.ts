import { describe, expect, it } from 'vitest'
import { dottedModule, moduleOf, originOf } from '../../../src/profile/origin.ts'

describe('originOf', () => {
  it.each([
    ['/srv/app/main.py', 'app', '/srv/app/main.py'],
    ['<string>', 'app', '<string>'],
    ['/v/lib/python3.14/site-packages/shop/io.py', 'package', 'shop'],
    ['/v/lib/python3.14/site-packages/six.py', 'package', 'six'],
    ['/usr/lib/python3.13/json/decoder.py', 'stdlib', 'json'],
    ['/usr/lib/python3.13/threading.py', 'stdlib', 'threading'],
    ['<frozen importlib._bootstrap>', 'stdlib', 'importlib'],
    ['', 'marker', ''],
  ])('%s: %s, %s', (file, origin, module) => {
    expect(originOf(file)).toEqual({ origin, module })
  })
})

describe('moduleOf', () => {
  it.each([
    ['/srv/shop/orders/views.py', 'views', '/srv/shop/orders/views.py'],
    ['/srv/shop/orders/__init__.py', 'orders', '/srv/shop/orders/__init__.py'],
    ['/srv/shop/__main__.py', '__main__', '/srv/shop/__main__.py'],
    ['/usr/bin/gunicorn', 'gunicorn', '/usr/bin/gunicorn'],
    ['app.py', 'app', 'app.py'],
    ['__init__.py', '__init__', '__init__.py'],
    ['<string>', '<string>', '<string>'],
    ['/v/lib/python3.14/site-packages/shop/io.py', 'shop', '/v/lib/python3.14/site-packages/shop'],
    ['/v/site-packages/six.py', 'six', '/v/site-packages/six.py'],
    ['/usr/lib/python3.13/json/decoder.py', 'json', '/usr/lib/python3.13/json'],
    ['<frozen importlib._bootstrap>', 'importlib', '<frozen importlib>'],
  ])('%s: %s', (file, name, place) => {
    expect(moduleOf(file)).toEqual({ name, file: place })
    expect(originOf(place).origin).toBe(originOf(file).origin)
  })
})

describe('dottedModule', () => {
  it.each([
    ['/srv/shop/orders/views.py', 'srv.shop.orders.views'],
    ['/srv/shop/orders/__init__.py', 'srv.shop.orders'],
    ['/v/lib/python3.14/site-packages/django/db/__init__.py', 'django.db'],
    ['/usr/lib/python3.13/json/decoder.py', 'json.decoder'],
    ['<frozen importlib._bootstrap>', 'importlib._bootstrap'],
    ['app.py', 'app'],
  ])('%s: %s', (file, dotted) => {
    expect(dottedModule(file)).toBe(dotted)
  })
})
