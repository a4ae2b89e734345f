#pragma once
/* What was found in the kernel, as values of JavaScript. */
#include <napi.h>

#include <span>

#include "../wire/decode.h"
#include "../wire/neighbours.h"

namespace holdfast::binding {

/* A `Link` of src/kernel/types.ts. */
Napi::Object LinkObject(Napi::Env env, const wire::LinkRecord& link);

/* Buffers of packed records: copies. */
Napi::Value RecordsBuffer(Napi::Env env, std::span<const wire::AddressRecord> records);
Napi::Value NeighboursBuffer(Napi::Env env, std::span<const wire::NeighbourRecord> records);

}  // namespace holdfast::binding
