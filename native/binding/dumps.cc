#include "dumps.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "../io/dumps.h"
#include "arguments.h"
#include "exports.h"
#include "job.h"

namespace holdfast::binding {

namespace {

template <typename Record>
struct Listing {
  int error = 0;
  std::vector<Record> records;
};

Napi::Value MacText(Napi::Env env, const std::optional<wire::Mac>& mac) {
  if (!mac) return env.Null();
  char text[18];
  const wire::Mac& b = *mac;
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
  return Napi::String::New(env, text);
}

}  // namespace

Napi::Object LinkObject(Napi::Env env, const wire::LinkRecord& link) {
  Napi::Array altnames = Napi::Array::New(env, link.altnames.size());
  for (uint32_t i = 0; i < link.altnames.size(); i++) altnames.Set(i, link.altnames[i]);
  Napi::Object object = Napi::Object::New(env);
  object.Set("index", link.index);
  object.Set("name", link.name);
  object.Set("altnames", altnames);
  object.Set("mac", MacText(env, link.mac));
  object.Set("mtu", link.mtu);
  object.Set("up", Napi::Boolean::New(env, link.up));
  object.Set("carrier", Napi::Boolean::New(env, link.carrier));
  object.Set("kind", link.kind.empty() ? env.Null() : Napi::String::New(env, link.kind));
  object.Set("master", link.master);
  return object;
}

Napi::Value RecordsBuffer(Napi::Env env, std::span<const wire::AddressRecord> records) {
  return Napi::Buffer<uint8_t>::Copy(env, reinterpret_cast<const uint8_t*>(records.data()), records.size_bytes());
}

Napi::Value NeighboursBuffer(Napi::Env env, std::span<const wire::NeighbourRecord> records) {
  return Napi::Buffer<uint8_t>::Copy(env, reinterpret_cast<const uint8_t*>(records.data()), records.size_bytes());
}

namespace {

/* Without a copy: a dump may be 24 MiB, and this is the environment's own thread. */
Napi::Value OwnedBuffer(Napi::Env env, std::vector<wire::AddressRecord>&& records) {
  if (records.empty()) return Napi::Buffer<uint8_t>::New(env, 0);
  auto* kept = new std::vector<wire::AddressRecord>(std::move(records));
  return Napi::Buffer<uint8_t>::NewOrCopy(
      env, reinterpret_cast<uint8_t*>(kept->data()), kept->size() * sizeof(wire::AddressRecord),
      [](Napi::BasicEnv, uint8_t*, std::vector<wire::AddressRecord>* hint) { delete hint; }, kept);
}

/* links(): Promise<Link[]> */
Napi::Value Links(const Napi::CallbackInfo& info) {
  return RunJob(
      info.Env(), "holdfast.links",
      [] {
        Listing<wire::LinkRecord> listing;
        listing.error = io::ListLinks(listing.records);
        return listing;
      },
      [](const Napi::Promise::Deferred& deferred, const Listing<wire::LinkRecord>& listing) {
        const Napi::Env env = deferred.Env();
        if (listing.error < 0) return deferred.Reject(SystemError(env, listing.error, "dump links"));
        Napi::Array links = Napi::Array::New(env, listing.records.size());
        for (uint32_t i = 0; i < listing.records.size(); i++) links.Set(i, LinkObject(env, listing.records[i]));
        deferred.Resolve(links);
      });
}

/* addresses(protocol, ifindex, kinds): Promise<Buffer> */
Napi::Value Addresses(const Napi::CallbackInfo& info) {
  const auto tag = IntegerArgument(info[0], -1, 255);
  const auto ifindex = IntegerArgument(info[1], 0, INT32_MAX);
  const auto kinds = IntegerArgument(info[2], 1, 3);
  if (!tag || !ifindex || !kinds)
    return ThrowArgument(info.Env(),
                         "addresses needs (protocol: 0 to 255, or -1 for all, ifindex: 0 for all interfaces, "
                         "kinds: 1 interface addresses, 2 local routes, 3 both)");
  const io::AddressFilter filter{static_cast<int>(*tag), static_cast<uint32_t>(*ifindex), (*kinds & 1) != 0,
                                 (*kinds & 2) != 0};
  return RunJob(
      info.Env(), "holdfast.addresses",
      [filter] {
        Listing<wire::AddressRecord> listing;
        listing.error = io::ListAddresses(filter, listing.records);
        return listing;
      },
      [](const Napi::Promise::Deferred& deferred, Listing<wire::AddressRecord>& listing) {
        const Napi::Env env = deferred.Env();
        if (listing.error < 0) return deferred.Reject(SystemError(env, listing.error, "dump addresses"));
        deferred.Resolve(OwnedBuffer(env, std::move(listing.records)));
      });
}

}  // namespace

void ExportDumps(Napi::Env env, Napi::Object exports) {
  exports.Set("links", Napi::Function::New(env, Links, "links"));
  exports.Set("addresses", Napi::Function::New(env, Addresses, "addresses"));
}

}  // namespace holdfast::binding
