#pragma once
#include <napi.h>

#include "../io/send_all.h"

namespace holdfast::binding {

/* { sent, failed, errno }: a NativeSendResult of src/kernel/addon.ts. */
inline Napi::Object SendResult(Napi::Env env, const io::SendOutcome& outcome) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("sent", outcome.sent);
  result.Set("failed", outcome.failed);
  result.Set("errno", outcome.first_error);
  return result;
}

}  // namespace holdfast::binding
