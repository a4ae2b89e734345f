#include <algorithm>
#include <system_error>
#include <utility>

#include "../io/plumber.h"
#include "arguments.h"
#include "exports.h"
#include "job.h"

namespace holdfast::binding {

namespace {

constexpr const char* kExpected =
    "plumb needs (operation: 1 add or 2 remove, protocol: 1 to 255, records: Uint8Array of whole 24-byte records, "
    "each with family 4 or 6, a prefix of that family, an interface index, and zeros where an IPv4 address ends)";

/* [errno, "File exists: the host has 10.1.1.1/24 on interface 3"] for each errno. */
Napi::Array TextPairs(Napi::Env env, const std::map<int32_t, std::string>& texts) {
  Napi::Array pairs = Napi::Array::New(env);
  for (const auto& [error, words] : texts) {
    std::string text = std::generic_category().message(-error);
    if (!words.empty()) text += ": " + words;
    Napi::Array pair = Napi::Array::New(env, 2);
    pair.Set(uint32_t{0}, error);
    pair.Set(uint32_t{1}, text);
    pairs.Set(pairs.Length(), pair);
  }
  return pairs;
}

/* plumb(operation, protocol, records): Promise<{ statuses: Int32Array, texts: [number, string][] }> */
Napi::Value Plumb(const Napi::CallbackInfo& info) {
  const auto operation = IntegerArgument(info[0], 1, 2);
  const auto tag = IntegerArgument(info[1], 1, 255);
  auto records = RecordsArgument<wire::AddressRecord>(info[2], kMaxRecords);
  if (!operation || !tag || !records || !std::ranges::all_of(*records, wire::IsPlumbable))
    return ThrowArgument(info.Env(), kExpected);
  return RunJob(
      info.Env(), "holdfast.plumb",
      [operation = static_cast<io::Operation>(*operation), tag = static_cast<uint8_t>(*tag),
       records = std::move(*records)] { return io::Plumb(operation, tag, records); },
      [](const Napi::Promise::Deferred& deferred, const io::PlumbOutcome& outcome) {
        const Napi::Env env = deferred.Env();
        if (outcome.error < 0) return deferred.Reject(SystemError(env, outcome.error, "netlink"));
        Napi::Int32Array statuses = Napi::Int32Array::New(env, outcome.statuses.size());
        std::ranges::copy(outcome.statuses, statuses.Data());
        Napi::Object result = Napi::Object::New(env);
        result.Set("statuses", statuses);
        result.Set("texts", TextPairs(env, outcome.texts));
        deferred.Resolve(result);
      });
}

}  // namespace

void ExportPlumb(Napi::Env env, Napi::Object exports) {
  exports.Set("plumb", Napi::Function::New(env, Plumb, "plumb"));
}

}  // namespace holdfast::binding
