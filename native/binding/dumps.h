#pragma once
/* What was found in the kernel, as values of JavaScript. */
#include <napi.h>

#include <span>

#include "../wire/decode.h"

namespace holdfast::binding {

/* A `Link` of src/kernel/types.ts. */
Napi::Object LinkObject(Napi::Env env, const wire::LinkRecord& link);

/* A Buffer of packed records: a copy. */
Napi::Value RecordsBuffer(Napi::Env env, std::span<const wire::AddressRecord> records);

}  // namespace holdfast::binding
