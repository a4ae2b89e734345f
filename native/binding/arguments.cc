#include "arguments.h"

#include <cmath>
#include <system_error>

namespace holdfast::binding {

Napi::Value ThrowArgument(Napi::Env env, const char* expected) {
  Napi::TypeError error = Napi::TypeError::New(env, expected);
  error.Set("code", Napi::String::New(env, "ERR_NATIVE_ARGUMENT"));
  error.ThrowAsJavaScriptException();
  return env.Undefined();
}

std::optional<int64_t> IntegerArgument(const Napi::Value& value, int64_t least, int64_t most) {
  if (!value.IsNumber()) return std::nullopt;
  const double number = value.As<Napi::Number>().DoubleValue();
  if (std::trunc(number) != number || number < static_cast<double>(least) || number > static_cast<double>(most))
    return std::nullopt; /* NaN is not equal to itself */
  return static_cast<int64_t>(number);
}

Napi::Value SystemError(Napi::Env env, int error, const char* call) {
  Napi::Error value = Napi::Error::New(env, std::generic_category().message(-error));
  value.Set("errno", Napi::Number::New(env, error));
  value.Set("syscall", Napi::String::New(env, call));
  return value.Value();
}

}  // namespace holdfast::binding
