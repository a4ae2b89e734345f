#include <napi.h>

#include <utility>

#include "../wire/address_record.h"
#include "exports.h"

namespace holdfast::binding {

int AddonState::Keep(io::UniqueFd fd) {
  const int number = fd.get();
  open.emplace(number, std::move(fd));
  return number;
}

io::UniqueFd AddonState::Take(int fd) {
  const auto at = open.find(fd);
  io::UniqueFd taken = std::move(at->second);
  open.erase(at);
  return taken;
}

}  // namespace holdfast::binding

using namespace holdfast;
using namespace holdfast::binding;

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonState);
  ExportDumps(env, exports);
  ExportNeighbours(env, exports);
  ExportPlumb(env, exports);
  ExportAnnounce(env, exports);
  ExportLifeline(env, exports);
  ExportMonitor(env, exports);
  ExportSockets(env, exports);
  ExportUses(env, exports);
  ExportBind(env, exports);
  ExportLan(env, exports);

  Napi::Object layout = Napi::Object::New(env);
  layout.Set("bytes", sizeof(wire::AddressRecord));
  layout.Set("prefix", offsetof(wire::AddressRecord, prefix));
  layout.Set("protocol", offsetof(wire::AddressRecord, protocol));
  layout.Set("flags", offsetof(wire::AddressRecord, flags));
  layout.Set("ifindex", offsetof(wire::AddressRecord, ifindex));
  layout.Set("address", offsetof(wire::AddressRecord, address));
  layout.Set("flagRoute", wire::kFlagRoute);
  layout.Set("flagAlias", wire::kFlagAlias);
  layout.Set("flagProbe", wire::kFlagProbe);
  layout.Set("flagNoSource", wire::kFlagNoSource);
  exports.Set("layout", layout);
  return exports;
}

NODE_API_MODULE(NODE_GYP_MODULE_NAME, Init)
