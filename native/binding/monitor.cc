#include "../io/monitor.h"

#include <arpa/inet.h>
#include <uv.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "arguments.h"
#include "dumps.h"
#include "exports.h"
#include "job.h"

namespace holdfast::binding {

namespace {

constexpr const char* kExpected =
    "openMonitor needs (receiveBytes: 1 or more, withNeighbours: boolean, handler: function)";

/* So many addresses reach JavaScript in one turn of its event loop: about 3 ms with what is made of them there. */
constexpr size_t kMostATurn = 4096;

/* One monitor and the thread that reads it.
 *
 *   Run              the reader thread, of its own: it lives as long as the monitor, and libuv's pool has four
 *   everything else  the environment's own thread
 *
 * Ends by Close(), or with its environment (process.exit, Worker.terminate), which waits for it: Stop(), the reader's last
 * word (OnWake with `ended_`), OnClosed. */
class Watcher final : public std::enable_shared_from_this<Watcher> {
 public:
  Watcher(Napi::Env env, const Napi::Function& handler)
      : env_(env), handler_(Napi::Persistent(handler)), context_(std::in_place, env, "holdfast.monitor") {}

  io::Monitor& monitor() { return monitor_; }

  /* 0 or -errno. */
  int Start() {
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env_, &loop);
    if (const int error = uv_async_init(loop, &wake_, OnWake); error < 0) return error;
    wake_.data = this;
    self_ = shared_from_this();
    if (const int error = uv_thread_create(&thread_, Run, this); error < 0) {
      uv_close(reinterpret_cast<uv_handle_t*>(&wake_), [](uv_handle_t* handle) { Of(handle)->self_.reset(); });
      return error;
    }
    napi_add_async_cleanup_hook(env_, OnEnvironmentEnd, this, &cleanup_);
    return 0;
  }

  Napi::Value Close(Napi::Env env) {
    if (closed_) return ThrowArgument(env, "close needs a monitor that is not closed yet");
    closed_.emplace(Napi::Promise::Deferred::New(env));
    monitor_.Stop();
    return closed_->Promise();
  }

 private:
  static Watcher* Of(uv_handle_t* handle) { return static_cast<Watcher*>(handle->data); }

  static void Run(void* watcher) {
    auto* self = static_cast<Watcher*>(watcher);
    self->monitor_.Run([self] { uv_async_send(&self->wake_); });
    self->ended_ = true;
    uv_async_send(&self->wake_);
  }

  static void OnWake(uv_async_t* wake) {
    auto* self = Of(reinterpret_cast<uv_handle_t*>(wake));
    if (!self->ended_) return self->Deliver();
    uv_thread_join(&self->thread_);
    uv_close(reinterpret_cast<uv_handle_t*>(wake), OnClosed);
  }

  static void OnClosed(uv_handle_t* handle) {
    const std::shared_ptr<Watcher> self = std::move(Of(handle)->self_);
    const Napi::Env env(self->env_);
    const Napi::HandleScope scope(env);
    if (self->closed_ && CanRunJavaScript(env)) {
      const Napi::CallbackScope callback(env, *self->context_); /* runs what waits for the promise */
      self->closed_->Resolve(env.Undefined());
    }
    self->handler_.Reset();
    self->context_.reset();
    napi_remove_async_cleanup_hook(self->cleanup_); /* last: the environment may be gone after it */
  }

  static void OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* watcher) {
    auto* self = static_cast<Watcher*>(watcher);
    self->ending_ = true;
    self->monitor_.Stop();
  }

  void Deliver() {
    const Napi::Env env(env_);
    const Napi::HandleScope scope(env);
    if (ending_ || closed_ || !CanRunJavaScript(env)) return;
    const io::Monitor::News news = monitor_.Take(kMostATurn);
    if (news.more) uv_async_send(&wake_); /* the next turn */

    const auto& [removed, added, links, neighbours] = news.changes;
    if (removed.empty() && added.empty() && links.empty() && neighbours.empty() && news.resyncs == resyncs_) return;
    resyncs_ = news.resyncs;
    handler_.MakeCallback(env.Global(),
                          {RecordsBuffer(env, removed), RecordsBuffer(env, added), LinkPairs(env, links),
                           NeighbourPairs(env, neighbours), Napi::Number::New(env, news.resyncs)},
                          *context_);
    if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
  }

  static Napi::Value LinkPairs(Napi::Env env, const std::vector<wire::Difference<wire::LinkRecord>>& differences) {
    Napi::Array links = Napi::Array::New(env, differences.size());
    for (uint32_t i = 0; i < differences.size(); i++) {
      Napi::Object link = Napi::Object::New(env);
      link.Set("before", LinkOrNull(env, differences[i].before));
      link.Set("after", LinkOrNull(env, differences[i].after));
      links.Set(i, link);
    }
    return links;
  }

  /* Two records a difference, before and after; one of zeros stands for none. */
  static Napi::Value NeighbourPairs(Napi::Env env,
                                    const std::vector<wire::Difference<wire::NeighbourRecord>>& differences) {
    std::vector<wire::NeighbourRecord> records;
    records.reserve(2 * differences.size());
    for (const auto& [before, after] : differences) {
      records.push_back(before.value_or(wire::NeighbourRecord{}));
      records.push_back(after.value_or(wire::NeighbourRecord{}));
    }
    return NeighboursBuffer(env, records);
  }

  static Napi::Value LinkOrNull(Napi::Env env, const std::optional<wire::LinkRecord>& link) {
    return link ? LinkObject(env, *link) : env.Null();
  }

  const napi_env env_;
  Napi::FunctionReference handler_;
  std::optional<Napi::AsyncContext> context_;
  io::Monitor monitor_;
  uv_async_t wake_{};
  uv_thread_t thread_{};
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
  std::atomic<bool> ended_ = false;
  bool ending_ = false;
  unsigned resyncs_ = 0;
  std::optional<Napi::Promise::Deferred> closed_;
  std::shared_ptr<Watcher> self_; /* while the handle of libuv is open */
};

/* has(address): boolean */
Napi::Value Has(const Napi::CallbackInfo& info, io::Monitor& monitor) {
  char text[INET6_ADDRSTRLEN + 1] = "";
  size_t size = 0;
  /* By hand, without a std::string: this is asked for every connection. A text that was cut short is no address. */
  if (napi_get_value_string_utf8(info.Env(), info[0], text, sizeof text, &size) != napi_ok)
    return ThrowArgument(info.Env(), "has needs (address: string)");
  wire::AddressRecord address{};
  const int family = std::memchr(text, ':', size) == nullptr ? AF_INET : AF_INET6;
  address.family = family == AF_INET ? 4 : 6;
  const bool valid = inet_pton(family, text, address.address) == 1;
  return Napi::Boolean::New(info.Env(), valid && monitor.Has(address));
}

Napi::Object MonitorObject(Napi::Env env, const std::shared_ptr<Watcher>& watcher) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("has", Napi::Function::New(
                        env, [watcher](const auto& info) { return Has(info, watcher->monitor()); }, "has"));
  object.Set("close", Napi::Function::New(
                          env, [watcher](const auto& info) { return watcher->Close(info.Env()); }, "close"));
  return object;
}

/* openMonitor(receiveBytes, withNeighbours, handler): Promise<{ has, close }> */
Napi::Value OpenMonitor(const Napi::CallbackInfo& info) {
  const auto receive_bytes = IntegerArgument(info[0], 1, INT32_MAX / 2);
  if (!receive_bytes || !info[1].IsBoolean() || !info[2].IsFunction()) return ThrowArgument(info.Env(), kExpected);
  const auto watcher = std::make_shared<Watcher>(info.Env(), info[2].As<Napi::Function>());
  return RunJob(
      info.Env(), "holdfast.openMonitor",
      [watcher, bytes = static_cast<int>(*receive_bytes), with_neighbours = info[1].As<Napi::Boolean>().Value()] {
        return watcher->monitor().Open(bytes, with_neighbours);
      },
      [watcher](const Napi::Promise::Deferred& deferred, int error) {
        if (error == 0) error = watcher->Start();
        if (error < 0) return deferred.Reject(SystemError(deferred.Env(), error, "monitor"));
        deferred.Resolve(MonitorObject(deferred.Env(), watcher));
      });
}

}  // namespace

void ExportMonitor(Napi::Env env, Napi::Object exports) {
  exports.Set("openMonitor", Napi::Function::New(env, OpenMonitor, "openMonitor"));
}

}  // namespace holdfast::binding
