#pragma once
/* What every exported function does with its arguments: check them, and say what was expected. */
#include <napi.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace holdfast::binding {

/* The only way this addon throws: a TypeError with code ERR_NATIVE_ARGUMENT. Return right after it. */
Napi::Value ThrowArgument(Napi::Env env, const char* expected);

/* A whole number from `least` to `most`, or nullopt. */
std::optional<int64_t> IntegerArgument(const Napi::Value& value, int64_t least, int64_t most);

/* A copy of a Uint8Array (a Buffer is one) as whole records of T, at most `most` of them; or nullopt. */
template <typename T>
std::optional<std::vector<T>> RecordsArgument(const Napi::Value& value, size_t most) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) return std::nullopt;
  const auto bytes = value.As<Napi::Uint8Array>();
  const size_t size = bytes.ByteLength();
  if (size % sizeof(T) != 0 || size / sizeof(T) > most) return std::nullopt;
  std::vector<T> records(size / sizeof(T));
  if (size > 0) std::memcpy(records.data(), bytes.Data(), size);
  return records;
}

/* One call takes no more records than this (24 MiB of them). */
constexpr size_t kMaxRecords = 1 << 20;

/* What a promise is rejected with: message in the C library's words, `errno` negative, `syscall` what was being done. */
Napi::Value SystemError(Napi::Env env, int error, const char* call);

}  // namespace holdfast::binding
