#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "../io/lan_port.h"
#include "arguments.h"
#include "exports.h"
#include "job.h"
#include "reader_thread.h"

namespace holdfast::binding {

namespace {

constexpr const char* kExpected =
    "openLan needs (ifindex: 1 or more, mac: Uint8Array of 6 bytes, handler: function)";
constexpr const char* kOwnExpected =
    "own needs (onLink: boolean, addresses: Uint8Array of whole 16-byte addresses, IPv4 as IPv4-mapped)";
constexpr const char* kCloseExpected = "close needs a LAN port that is not closed yet";

/* So many sightings reach JavaScript in one turn of its event loop. */
constexpr size_t kMostATurn = 512;

class Listener final : public ReaderThread {
 public:
  Listener(Napi::Env env, const Napi::Function& handler) : ReaderThread(env, handler, "holdfast.lan") {}

  io::LanPort& port() { return port_; }

 private:
  void Run(const std::function<void()>& on_news) override { port_.Run(on_news); }
  void Stop() override { port_.Stop(); }

  void Deliver(Napi::Env env) override {
    const io::LanPort::News news = port_.Take(kMostATurn);
    if (news.more) DeliverAgain();
    if (news.sightings.empty()) return;
    const auto* bytes = reinterpret_cast<const uint8_t*>(news.sightings.data());
    Tell(env, {Napi::Buffer<uint8_t>::Copy(env, bytes, news.sightings.size() * sizeof(wire::Sighting))});
  }

  io::LanPort port_;
};

using Listening = std::shared_ptr<Listener>;

/* disown, seek or forsake (addresses): what takes a mutex for as long as one frame, or these addresses, take. */
using Change = void (io::LanPort::*)(std::span<const wire::IpAddress>) noexcept;

Napi::Function ChangeFunction(Napi::Env env, const Listening& listener, const char* name, const char* expected, Change change) {
  return Napi::Function::New(
      env,
      [listener, expected, change](const Napi::CallbackInfo& info) -> Napi::Value {
        const auto addresses = RecordsArgument<wire::IpAddress>(info[0], kMaxRecords);
        if (!addresses) return ThrowArgument(info.Env(), expected);
        (listener->port().*change)(*addresses);
        return info.Env().Undefined();
      },
      name);
}

/* own(onLink, addresses) */
Napi::Value Own(const Napi::CallbackInfo& info, io::LanPort& port) {
  const auto addresses = RecordsArgument<wire::IpAddress>(info[1], kMaxRecords);
  if (!info[0].IsBoolean() || !addresses) return ThrowArgument(info.Env(), kOwnExpected);
  port.Own(*addresses, info[0].As<Napi::Boolean>().Value());
  return info.Env().Undefined();
}

Napi::Object LanObject(Napi::Env env, const Listening& listener) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("own", Napi::Function::New(
                        env, [listener](const auto& info) { return Own(info, listener->port()); }, "own"));
  object.Set("disown", ChangeFunction(env, listener, "disown",
                                      "disown needs (addresses: Uint8Array of whole 16-byte addresses)", &io::LanPort::Disown));
  object.Set("seek", ChangeFunction(env, listener, "seek",
                                    "seek needs (addresses: Uint8Array of whole 16-byte addresses)", &io::LanPort::Seek));
  object.Set("forsake", ChangeFunction(env, listener, "forsake",
                                       "forsake needs (addresses: Uint8Array of whole 16-byte addresses)", &io::LanPort::Forsake));
  object.Set("answers", Napi::Function::New(
                            env,
                            [listener](const Napi::CallbackInfo& info) {
                              return Napi::Number::New(info.Env(), listener->port().answers());
                            },
                            "answers"));
  object.Set("close", Napi::Function::New(
                          env, [listener](const auto& info) { return listener->Close(info.Env(), kCloseExpected); },
                          "close"));
  return object;
}

/* openLan(ifindex, mac, handler): Promise<{ own, disown, seek, forsake, answers, close }> */
Napi::Value OpenLan(const Napi::CallbackInfo& info) {
  const auto ifindex = IntegerArgument(info[0], 1, INT32_MAX);
  const auto mac = RecordsArgument<wire::Mac>(info[1], 1);
  if (!ifindex || !mac || mac->empty() || !info[2].IsFunction()) return ThrowArgument(info.Env(), kExpected);
  const auto listener = std::make_shared<Listener>(info.Env(), info[2].As<Napi::Function>());
  return RunJob(
      info.Env(), "holdfast.openLan",
      [listener, ifindex = static_cast<uint32_t>(*ifindex), mac = mac->front()] {
        return listener->port().Open(ifindex, mac);
      },
      [listener](const Napi::Promise::Deferred& deferred, int error) {
        if (error == 0) error = listener->Start();
        if (error < 0) return deferred.Reject(SystemError(deferred.Env(), error, "packet socket"));
        deferred.Resolve(LanObject(deferred.Env(), listener));
      });
}

}  // namespace

void ExportLan(Napi::Env env, Napi::Object exports) {
  exports.Set("openLan", Napi::Function::New(env, OpenLan, "openLan"));
}

}  // namespace holdfast::binding
