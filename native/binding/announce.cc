#include "../io/announce.h"

#include <utility>

#include "arguments.h"
#include "exports.h"
#include "job.h"
#include "send_result.h"

namespace holdfast::binding {

namespace {

constexpr const char* kExpected =
    "announce needs (fd from openAnnouncer, ifindex: 1 or more, mac: Uint8Array of 6 bytes, "
    "to: Uint8Array of whole 6-byte Ethernet addresses, "
    "addresses: Uint8Array of whole 16-byte addresses, IPv4 as IPv4-mapped)";

constexpr const char* kProbeExpected =
    "probe needs (fd from openAnnouncer, ifindex: 1 or more, mac: Uint8Array of 6 bytes, "
    "addresses: Uint8Array of whole 16-byte addresses, IPv4 as IPv4-mapped, from: the same)";

void ResolveOutcome(const Napi::Promise::Deferred& deferred, const io::SendOutcome& outcome) {
  deferred.Resolve(SendResult(deferred.Env(), outcome));
}

/* openAnnouncer(): number. Not a job: making a packet socket waits for nobody. */
Napi::Value OpenAnnouncer(const Napi::CallbackInfo& info) {
  io::UniqueFd fd;
  if (const int error = io::OpenAnnouncer(fd); error < 0) return Napi::Number::New(info.Env(), error);
  return Napi::Number::New(info.Env(), info.Env().GetInstanceData<AddonState>()->Keep(std::move(fd)));
}

/* announce(fd, ifindex, mac, to, addresses): Promise<{ sent, failed, errno }> */
Napi::Value Announce(const Napi::CallbackInfo& info) {
  const auto fd = IntegerArgument(info[0], 0, INT32_MAX);
  const auto ifindex = IntegerArgument(info[1], 1, INT32_MAX);
  auto mac = RecordsArgument<wire::Mac>(info[2], 1);
  auto to = RecordsArgument<wire::Mac>(info[3], kMaxRecords);
  auto addresses = RecordsArgument<wire::IpAddress>(info[4], kMaxRecords);
  if (!fd || !ifindex || !mac || mac->empty() || !to || !addresses ||
      !info.Env().GetInstanceData<AddonState>()->Has(static_cast<int>(*fd)))
    return ThrowArgument(info.Env(), kExpected);
  return RunJob(
      info.Env(), "holdfast.announce",
      [fd = static_cast<int>(*fd), ifindex = static_cast<uint32_t>(*ifindex), mac = mac->front(),
       to = std::move(*to), addresses = std::move(*addresses)] { return io::Announce(fd, ifindex, mac, to, addresses); },
      ResolveOutcome);
}

/* probe(fd, ifindex, mac, addresses, from): Promise<{ sent, failed, errno }> */
Napi::Value Probe(const Napi::CallbackInfo& info) {
  const auto fd = IntegerArgument(info[0], 0, INT32_MAX);
  const auto ifindex = IntegerArgument(info[1], 1, INT32_MAX);
  auto mac = RecordsArgument<wire::Mac>(info[2], 1);
  auto addresses = RecordsArgument<wire::IpAddress>(info[3], kMaxRecords);
  auto from = RecordsArgument<wire::IpAddress>(info[4], kMaxRecords);
  if (!fd || !ifindex || !mac || mac->empty() || !addresses || !from ||
      !info.Env().GetInstanceData<AddonState>()->Has(static_cast<int>(*fd)))
    return ThrowArgument(info.Env(), kProbeExpected);
  return RunJob(
      info.Env(), "holdfast.probe",
      [fd = static_cast<int>(*fd), ifindex = static_cast<uint32_t>(*ifindex), mac = mac->front(),
       addresses = std::move(*addresses), from = std::move(*from)] {
        return io::Probe(fd, ifindex, mac, addresses, from);
      },
      ResolveOutcome);
}

}  // namespace

void ExportAnnounce(Napi::Env env, Napi::Object exports) {
  exports.Set("openAnnouncer", Napi::Function::New(env, OpenAnnouncer, "openAnnouncer"));
  exports.Set("probe", Napi::Function::New(env, Probe, "probe"));
  exports.Set("announce", Napi::Function::New(env, Announce, "announce"));
}

}  // namespace holdfast::binding
