#pragma once

#include <napi.h>

namespace pyprof_addon {

/// `dump` of src/sampling/dump-addon.ts, which is its contract.
void AddDump(Napi::Env env, Napi::Object exports);

}  // namespace pyprof_addon
