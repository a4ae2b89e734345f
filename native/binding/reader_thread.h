#pragma once
/* A thread of its own that reads from the kernel, and tells its environment what there is to take. */
#include <napi.h>
#include <uv.h>

#include <atomic>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>

namespace holdfast::binding {

/* libuv's pool has four threads, so what reads for as long as it lives has its own. Made by std::make_shared.
 *
 *   Run              the reader thread
 *   Stop             the environment's own thread
 *   everything else  the environment's own thread
 *
 * Ends by Close(), or with its environment (process.exit, Worker.terminate), which waits for it: Stop(), the reader's last
 * word (OnWake with `ended_`), OnClosed. */
class ReaderThread : public std::enable_shared_from_this<ReaderThread> {
 public:
  /* 0 or -errno. */
  int Start();
  /* A promise, once; then a TypeError that says `expected`. */
  Napi::Value Close(Napi::Env env, const char* expected);

 protected:
  ReaderThread(Napi::Env env, const Napi::Function& handler, const char* name);
  virtual ~ReaderThread() = default;

  /* Reads until Stop(). Calls `on_news` when there is something to deliver, as often as it likes. */
  virtual void Run(const std::function<void()>& on_news) = 0;
  virtual void Stop() = 0;
  /* Something is there. Not called once the environment is ending, or Close() was called. */
  virtual void Deliver(Napi::Env env) = 0;

  /* Calls the handler; what it throws is an uncaught exception. */
  void Tell(Napi::Env env, std::initializer_list<napi_value> what);
  /* Deliver() again, in the next turn of the event loop. */
  void DeliverAgain() { uv_async_send(&wake_); }

 private:
  static ReaderThread* Of(uv_handle_t* handle) { return static_cast<ReaderThread*>(handle->data); }
  static void Read(void* reader);
  static void OnWake(uv_async_t* wake);
  static void OnClosed(uv_handle_t* handle);
  static void OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* reader);

  const napi_env env_;
  Napi::FunctionReference handler_;
  std::optional<Napi::AsyncContext> context_;
  uv_async_t wake_{};
  uv_thread_t thread_{};
  napi_async_cleanup_hook_handle cleanup_ = nullptr;
  std::atomic<bool> ended_ = false;
  bool ending_ = false;
  std::optional<Napi::Promise::Deferred> closed_;
  std::shared_ptr<ReaderThread> self_; /* while the handle of libuv is open */
};

}  // namespace holdfast::binding
