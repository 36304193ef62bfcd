#pragma once

#include <napi.h>

namespace pyprof_addon {

/// `dump` and `openInRoot` of src/sampling/dump-addon.ts, which is their contract.
void AddDump(Napi::Env env, Napi::Object exports);

}  // namespace pyprof_addon
