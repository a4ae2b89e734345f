#include "../io/sockets.h"

#include <algorithm>
#include <utility>

#include "../io/tickle.h"
#include "arguments.h"
#include "exports.h"
#include "job.h"
#include "send_result.h"

namespace holdfast::binding {

namespace {

struct Connections {
  int error = 0;
  std::vector<wire::ConnectionRecord> records;
};

/* killSockets(addresses, listening): Promise<{ closed, failed: [number, number][] }> */
Napi::Value KillSockets(const Napi::CallbackInfo& info) {
  auto addresses = RecordsArgument<wire::IpAddress>(info[0], kMaxRecords);
  if (!addresses || !info[1].IsBoolean())
    return ThrowArgument(info.Env(),
                         "killSockets needs (addresses: Uint8Array of whole 16-byte addresses, listening: boolean)");
  return RunJob(
      info.Env(), "holdfast.killSockets",
      [addresses = std::move(*addresses), listening = info[1].As<Napi::Boolean>().Value()]() mutable {
        return io::KillSockets(wire::AddressSet(std::move(addresses)), listening);
      },
      [](const Napi::Promise::Deferred& deferred, const io::KillOutcome& outcome) {
        const Napi::Env env = deferred.Env();
        if (outcome.error < 0) return deferred.Reject(SystemError(env, outcome.error, "dump sockets"));
        Napi::Array failed = Napi::Array::New(env);
        for (const auto& [error, count] : outcome.failed) {
          Napi::Array pair = Napi::Array::New(env, 2);
          pair.Set(uint32_t{0}, error);
          pair.Set(uint32_t{1}, count);
          failed.Set(failed.Length(), pair);
        }
        Napi::Object result = Napi::Object::New(env);
        result.Set("closed", outcome.closed);
        result.Set("failed", failed);
        deferred.Resolve(result);
      });
}

/* connections(addresses): Promise<Buffer> */
Napi::Value ListConnections(const Napi::CallbackInfo& info) {
  auto addresses = RecordsArgument<wire::IpAddress>(info[0], kMaxRecords);
  if (!addresses)
    return ThrowArgument(info.Env(), "connections needs (addresses: Uint8Array of whole 16-byte addresses)");
  return RunJob(
      info.Env(), "holdfast.connections",
      [addresses = std::move(*addresses)]() mutable {
        Connections found;
        found.error = io::ListConnections(wire::AddressSet(std::move(addresses)), found.records);
        return found;
      },
      [](const Napi::Promise::Deferred& deferred, const Connections& found) {
        const Napi::Env env = deferred.Env();
        if (found.error < 0) return deferred.Reject(SystemError(env, found.error, "dump sockets"));
        const auto* bytes = reinterpret_cast<const uint8_t*>(found.records.data());
        deferred.Resolve(Napi::Buffer<uint8_t>::Copy(env, bytes, found.records.size() * sizeof(wire::ConnectionRecord)));
      });
}

/* tickle(connections): Promise<{ sent, failed, errno }> */
Napi::Value Tickle(const Napi::CallbackInfo& info) {
  auto connections = RecordsArgument<wire::ConnectionRecord>(info[0], kMaxRecords);
  if (!connections || !std::ranges::all_of(*connections, wire::IsConnection))
    return ThrowArgument(info.Env(),
                         "tickle needs (connections: Uint8Array of whole 36-byte records, each with two addresses of one "
                         "family and two ports)");
  return RunJob(
      info.Env(), "holdfast.tickle", [connections = std::move(*connections)] { return io::Tickle(connections); },
      [](const Napi::Promise::Deferred& deferred, const io::SendOutcome& outcome) {
        deferred.Resolve(SendResult(deferred.Env(), outcome));
      });
}

}  // namespace

void ExportSockets(Napi::Env env, Napi::Object exports) {
  exports.Set("killSockets", Napi::Function::New(env, KillSockets, "killSockets"));
  exports.Set("connections", Napi::Function::New(env, ListConnections, "connections"));
  exports.Set("tickle", Napi::Function::New(env, Tickle, "tickle"));
}

}  // namespace holdfast::binding
