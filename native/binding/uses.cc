#include "../io/uses.h"

#include <utility>

#include "../io/tags.h"
#include "arguments.h"
#include "exports.h"
#include "job.h"

namespace holdfast::binding {

namespace {

struct Uses {
  int error = 0;
  std::vector<wire::UseRecord> records;
};

struct Tags {
  int error = 0;
  bool kept = true;
};

/* uses(addresses): Promise<Buffer> */
Napi::Value ListUses(const Napi::CallbackInfo& info) {
  auto addresses = RecordsArgument<wire::IpAddress>(info[0], kMaxRecords);
  if (!addresses) return ThrowArgument(info.Env(), "uses needs (addresses: Uint8Array of whole 16-byte addresses)");
  return RunJob(
      info.Env(), "holdfast.uses",
      [addresses = std::move(*addresses)]() mutable {
        Uses found;
        found.error = io::ListUses(wire::AddressSet(std::move(addresses)), kMaxRecords, found.records);
        return found;
      },
      [](const Napi::Promise::Deferred& deferred, const Uses& found) {
        const Napi::Env env = deferred.Env();
        if (found.error < 0) return deferred.Reject(SystemError(env, found.error, "dump routes and sockets"));
        const auto* bytes = reinterpret_cast<const uint8_t*>(found.records.data());
        deferred.Resolve(Napi::Buffer<uint8_t>::Copy(env, bytes, found.records.size() * sizeof(wire::UseRecord)));
      });
}

/* keepsTags(): Promise<boolean> */
Napi::Value KeepsTags(const Napi::CallbackInfo& info) {
  return RunJob(
      info.Env(), "holdfast.keepsTags",
      [] {
        Tags tags;
        tags.error = io::KeepsTags(tags.kept);
        return tags;
      },
      [](const Napi::Promise::Deferred& deferred, const Tags& tags) {
        const Napi::Env env = deferred.Env();
        if (tags.error < 0) return deferred.Reject(SystemError(env, tags.error, "netlink"));
        deferred.Resolve(Napi::Boolean::New(env, tags.kept));
      });
}

}  // namespace

void ExportUses(Napi::Env env, Napi::Object exports) {
  exports.Set("uses", Napi::Function::New(env, ListUses, "uses"));
  exports.Set("keepsTags", Napi::Function::New(env, KeepsTags, "keepsTags"));
}

}  // namespace holdfast::binding
