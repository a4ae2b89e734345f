#include "../io/bind.h"

#include <algorithm>
#include <utility>

#include "arguments.h"
#include "exports.h"
#include "job.h"

namespace holdfast::binding {

namespace {

struct Bound {
  std::vector<int32_t> statuses; /* 0, or -errno */
  std::vector<io::UniqueFd> fds; /* of those that are 0, in their order */
};

Bound BindAll(const std::vector<io::EndpointRecord>& endpoints) {
  Bound bound;
  for (const io::EndpointRecord& endpoint : endpoints) {
    io::UniqueFd fd;
    bound.statuses.push_back(io::BindAhead(endpoint, fd));
    if (bound.statuses.back() == 0) bound.fds.push_back(std::move(fd));
  }
  return bound;
}

/* bindSockets(endpoints): Promise<Int32Array>. They are the environment's until releaseSocket() or close. */
Napi::Value BindSockets(const Napi::CallbackInfo& info) {
  auto endpoints = RecordsArgument<io::EndpointRecord>(info[0], kMaxRecords);
  if (!endpoints)
    return ThrowArgument(info.Env(),
                         "bindSockets needs (endpoints: Uint8Array of whole 18-byte records, address and port)");
  return RunJob(
      info.Env(), "holdfast.bindSockets", [endpoints = std::move(*endpoints)] { return BindAll(endpoints); },
      [](const Napi::Promise::Deferred& deferred, Bound& bound) {
        const Napi::Env env = deferred.Env();
        auto* state = env.GetInstanceData<AddonState>();
        Napi::Int32Array results = Napi::Int32Array::New(env, bound.statuses.size());
        auto fd = bound.fds.begin();
        for (size_t i = 0; i < bound.statuses.size(); i++)
          results[i] = bound.statuses[i] < 0 ? bound.statuses[i] : state->Keep(std::move(*fd++));
        deferred.Resolve(results);
      });
}

/* releaseSocket(fd): void. From here on it is closed by whoever has the number. */
Napi::Value ReleaseSocket(const Napi::CallbackInfo& info) {
  auto* state = info.Env().GetInstanceData<AddonState>();
  const auto number = IntegerArgument(info[0], 0, INT32_MAX);
  if (!number || !state->Has(static_cast<int>(*number)))
    return ThrowArgument(info.Env(), "releaseSocket needs (fd: from bindSockets, not released or closed yet)");
  state->Take(static_cast<int>(*number)).Release();
  return info.Env().Undefined();
}

/* closeSockets(fds): Promise<void> */
Napi::Value CloseSockets(const Napi::CallbackInfo& info) {
  constexpr const char* kExpected =
      "closeSockets needs (fds: Int32Array of sockets from bindSockets, each once, not released or closed yet)";
  auto* state = info.Env().GetInstanceData<AddonState>();
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
    return ThrowArgument(info.Env(), kExpected);
  const auto array = info[0].As<Napi::Int32Array>();
  std::vector<int32_t> numbers(array.Data(), array.Data() + array.ElementLength());
  std::ranges::sort(numbers);
  if (std::ranges::adjacent_find(numbers) != numbers.end() ||
      !std::ranges::all_of(numbers, [state](int32_t number) { return state->Has(number); }))
    return ThrowArgument(info.Env(), kExpected);
  std::vector<io::UniqueFd> fds;
  for (const int32_t number : numbers) fds.push_back(state->Take(number));
  return RunJob(
      info.Env(), "holdfast.closeSockets",
      [fds = std::move(fds)]() mutable {
        fds.clear();
        return true;
      },
      [](const Napi::Promise::Deferred& deferred, bool) { deferred.Resolve(deferred.Env().Undefined()); });
}

}  // namespace

void ExportBind(Napi::Env env, Napi::Object exports) {
  exports.Set("bindSockets", Napi::Function::New(env, BindSockets, "bindSockets"));
  exports.Set("releaseSocket", Napi::Function::New(env, ReleaseSocket, "releaseSocket"));
  exports.Set("closeSockets", Napi::Function::New(env, CloseSockets, "closeSockets"));
}

}  // namespace holdfast::binding
