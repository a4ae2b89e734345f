#pragma once
#include <napi.h>

#include <utility>

namespace holdfast::binding {

/* False in an environment that is being taken down (process.exit, Worker.terminate): it makes no values any more, and
 * what node-addon-api then returns is empty and must not be touched. There is no call that asks; this one fails cleanly. */
inline bool CanRunJavaScript(napi_env env) {
  void* data;
  napi_value buffer;
  return napi_create_arraybuffer(env, 0, &data, &buffer) == napi_ok;
}

/* One system call or batch of them off the event loop.
 *
 *   work()                      libuv worker thread: touches no JavaScript; its result is kept
 *   settle(deferred, result)    the environment's own thread: resolves or rejects; not called in one that ends
 *
 * libuv's own pool, not std::thread: it needs no newer glibc, and Node waits for it when an environment ends. */
template <typename Work, typename Settle>
class Job final : public Napi::AsyncWorker {
 public:
  Job(Napi::Env env, const char* name, Work work, Settle settle)
      : AsyncWorker(env, name),
        deferred_(Napi::Promise::Deferred::New(env)),
        work_(std::move(work)),
        settle_(std::move(settle)) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

 private:
  void Execute() override { result_ = work_(); }
  void OnOK() override {
    if (CanRunJavaScript(Env())) settle_(deferred_, result_);
  }

  const Napi::Promise::Deferred deferred_;
  Work work_;
  Settle settle_;
  decltype(std::declval<Work&>()()) result_{};
};

template <typename Work, typename Settle>
Napi::Value RunJob(Napi::Env env, const char* name, Work work, Settle settle) {
  auto* job = new Job<Work, Settle>(env, name, std::move(work), std::move(settle)); /* deletes itself when done */
  const Napi::Promise promise = job->Promise();
  job->Queue();
  return promise;
}

}  // namespace holdfast::binding
