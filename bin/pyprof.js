#!/usr/bin/env node
import '../dist/pyprof.js'
