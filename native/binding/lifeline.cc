#include "../io/lifeline.h"

#include <string>
#include <string_view>
#include <utility>

#include "arguments.h"
#include "exports.h"
#include "job.h"

namespace holdfast::binding {

namespace {

/* dev_valid_name() in net/core/dev.c; and no '%', which TUNSETIFF would expand, and no NUL, where it would end. */
bool IsInterfaceName(const std::string& name) {
  constexpr std::string_view kRefused("/:% \t\n\v\f\r\0", 10);
  return !name.empty() && name.size() <= 15 && name != "." && name != ".." &&
         name.find_first_of(kRefused) == std::string::npos;
}

/* openLifeline(name): Promise<{ fd, ifindex }> */
Napi::Value OpenLifeline(const Napi::CallbackInfo& info) {
  std::string name = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  if (!IsInterfaceName(name))
    return ThrowArgument(info.Env(), "openLifeline needs (name: an interface name of 1 to 15 bytes)");
  return RunJob(
      info.Env(), "holdfast.openLifeline", [name = std::move(name)] { return io::OpenLifeline(name); },
      [](const Napi::Promise::Deferred& deferred, io::LifelineOutcome& outcome) {
        const Napi::Env env = deferred.Env();
        if (outcome.error < 0) return deferred.Reject(SystemError(env, outcome.error, outcome.call));
        Napi::Object result = Napi::Object::New(env);
        result.Set("fd", env.GetInstanceData<AddonState>()->Keep(std::move(outcome.fd)));
        result.Set("ifindex", outcome.ifindex);
        deferred.Resolve(result);
      });
}

/* close(fd): Promise<void>. A job, because the kernel takes down a device and all that sits on it within close(2). */
Napi::Value Close(const Napi::CallbackInfo& info) {
  auto* state = info.Env().GetInstanceData<AddonState>();
  const auto number = IntegerArgument(info[0], 0, INT32_MAX);
  if (!number || !state->Has(static_cast<int>(*number)))
    return ThrowArgument(info.Env(), "close needs (fd: from openLifeline or openAnnouncer, not closed yet)");
  return RunJob(
      info.Env(), "holdfast.close",
      [fd = state->Take(static_cast<int>(*number))]() mutable {
        fd = io::UniqueFd();
        return true;
      },
      [](const Napi::Promise::Deferred& deferred, bool) { deferred.Resolve(deferred.Env().Undefined()); });
}

}  // namespace

void ExportLifeline(Napi::Env env, Napi::Object exports) {
  exports.Set("openLifeline", Napi::Function::New(env, OpenLifeline, "openLifeline"));
  exports.Set("close", Napi::Function::New(env, Close, "close"));
}

}  // namespace holdfast::binding
