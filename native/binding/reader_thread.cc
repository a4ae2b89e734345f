#include "reader_thread.h"

#include <utility>

#include "arguments.h"
#include "job.h"

namespace holdfast::binding {

ReaderThread::ReaderThread(Napi::Env env, const Napi::Function& handler, const char* name)
    : env_(env), handler_(Napi::Persistent(handler)), context_(std::in_place, env, name) {}

int ReaderThread::Start() {
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env_, &loop);
  if (const int error = uv_async_init(loop, &wake_, OnWake); error < 0) return error;
  wake_.data = this;
  self_ = shared_from_this();
  if (const int error = uv_thread_create(&thread_, Read, this); error < 0) {
    uv_close(reinterpret_cast<uv_handle_t*>(&wake_), [](uv_handle_t* handle) { Of(handle)->self_.reset(); });
    return error;
  }
  napi_add_async_cleanup_hook(env_, OnEnvironmentEnd, this, &cleanup_);
  return 0;
}

Napi::Value ReaderThread::Close(Napi::Env env, const char* expected) {
  if (closed_) return ThrowArgument(env, expected);
  closed_.emplace(Napi::Promise::Deferred::New(env));
  Stop();
  return closed_->Promise();
}

void ReaderThread::Tell(Napi::Env env, std::initializer_list<napi_value> what) {
  handler_.MakeCallback(env.Global(), what, *context_);
  if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
}

void ReaderThread::Read(void* reader) {
  auto* self = static_cast<ReaderThread*>(reader);
  self->Run([self] { uv_async_send(&self->wake_); });
  self->ended_ = true;
  uv_async_send(&self->wake_);
}

void ReaderThread::OnWake(uv_async_t* wake) {
  auto* self = Of(reinterpret_cast<uv_handle_t*>(wake));
  if (self->ended_) {
    uv_thread_join(&self->thread_);
    uv_close(reinterpret_cast<uv_handle_t*>(wake), OnClosed);
    return;
  }
  const Napi::Env env(self->env_);
  const Napi::HandleScope scope(env);
  if (!self->ending_ && !self->closed_ && CanRunJavaScript(env)) self->Deliver(env);
}

void ReaderThread::OnClosed(uv_handle_t* handle) {
  const std::shared_ptr<ReaderThread> self = std::move(Of(handle)->self_);
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

void ReaderThread::OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* reader) {
  auto* self = static_cast<ReaderThread*>(reader);
  self->ending_ = true;
  self->Stop();
}

}  // namespace holdfast::binding
