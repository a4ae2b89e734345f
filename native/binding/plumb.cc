#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "../io/plumber.h"
#include "../wire/address_text.h"
#include "arguments.h"
#include "exports.h"
#include "job.h"

namespace holdfast::binding {

namespace {

constexpr const char* kExpected =
    "openBatch needs (operation: 1 add, 2 remove or 3 extend, protocol: 1 to 255, most: 0 to 1048576 records, "
    "receiveBytes: 1 or more)";
constexpr const char* kExpectedAddresses =
    "append needs (addresses: string, ifindex: 1 to 2147483647, prefix: of the family of each address, or null for the "
    "host's, flags: 0 to 255), and that before the batch runs";

constexpr const char* kExpectedTerms =
    "run needs (notAfter: milliseconds or Infinity, validUntil: likewise), and a batch that has not run";
constexpr double kNeverMs = 100.0 * 366 * 24 * 3600 * 1000;

/* From openBatch() on. The environment's own thread appends; from run() on, records belong to the worker thread. */
struct Batch {
  const io::Operation operation;
  const uint8_t tag;
  const size_t most;
  const int receive_bytes;
  std::vector<wire::AddressRecord> records;
  bool runs = false;
  io::BatchControl control; /* either thread */
};

/* [errno, "File exists: the host has 10.1.1.1/24 on interface 3"] for each errno. */
Napi::Array TextPairs(Napi::Env env, const std::map<int32_t, std::string>& texts) {
  Napi::Array pairs = Napi::Array::New(env);
  for (const auto& [error, words] : texts) {
    std::string text = std::generic_category().message(-error);
    if (!words.empty()) text += ": " + words;
    Napi::Array pair = Napi::Array::New(env, 2);
    pair.Set(uint32_t{0}, error);
    pair.Set(uint32_t{1}, text);
    pairs.Set(pairs.Length(), pair);
  }
  return pairs;
}

Napi::Value ResultObject(Napi::Env env, const io::PlumbOutcome& outcome) {
  Napi::Int32Array statuses = Napi::Int32Array::New(env, outcome.statuses.size());
  std::ranges::copy(outcome.statuses, statuses.Data());
  Napi::Object result = Napi::Object::New(env);
  result.Set("statuses", statuses);
  result.Set("texts", TextPairs(env, outcome.texts));
  return result;
}

std::optional<wire::Target> TargetArgument(const Napi::CallbackInfo& info, size_t first) {
  const auto ifindex = IntegerArgument(info[first], 1, INT32_MAX);
  const auto prefix = IntegerArgument(info[first + 1], 0, wire::HostPrefix(6));
  const auto flags = IntegerArgument(info[first + 2], 0, UINT8_MAX);
  if (!ifindex || (!prefix && !info[first + 1].IsNull()) || !flags) return std::nullopt;
  return wire::Target{static_cast<uint32_t>(*ifindex), prefix, static_cast<uint8_t>(*flags)};
}

/* append(addresses, ifindex, prefix, flags): number. In slices, so that no call is long: the records of all are kept here. */
Napi::Value Append(const Napi::CallbackInfo& info, Batch& batch) {
  const auto target = TargetArgument(info, 1);
  if (batch.runs || !info[0].IsString() || !target) return ThrowArgument(info.Env(), kExpectedAddresses);
  const std::string texts = info[0].As<Napi::String>().Utf8Value();
  const auto slice = wire::ParseAddresses(texts, *target, batch.most - batch.records.size());
  if (!std::ranges::all_of(slice, wire::IsPlumbable)) return ThrowArgument(info.Env(), kExpectedAddresses);
  batch.records.insert(batch.records.end(), slice.begin(), slice.end());
  return Napi::Number::New(info.Env(), static_cast<double>(slice.size()));
}

/* Milliseconds of CLOCK_MONOTONIC; whatever is beyond a century of uptime stands for never. */
std::optional<io::Terms::Time> TimeArgument(const Napi::Value& value) {
  if (!value.IsNumber()) return std::nullopt;
  const double ms = value.As<Napi::Number>().DoubleValue();
  if (std::isnan(ms)) return std::nullopt;
  if (ms > kNeverMs) return io::Terms::Time::max();
  return io::Terms::Time(std::chrono::microseconds(static_cast<int64_t>(std::max(ms, 0.0) * 1000)));
}

/* run(notAfter, validUntil): Promise<{ statuses: Int32Array, texts: [number, string][] }>. Once. */
Napi::Value Run(const Napi::CallbackInfo& info, const std::shared_ptr<Batch>& batch) {
  const auto not_after = TimeArgument(info[0]);
  const auto valid_until = TimeArgument(info[1]);
  if (batch->runs || !not_after || !valid_until) return ThrowArgument(info.Env(), kExpectedTerms);
  batch->runs = true;
  const io::Terms terms{*not_after, *valid_until};
  return RunJob(
      info.Env(), "holdfast.batch",
      [batch, terms] {
        return io::Plumb(batch->operation, batch->tag, batch->records, batch->control, terms, batch->receive_bytes);
      },
      [](const Napi::Promise::Deferred& deferred, const io::PlumbOutcome& outcome) {
        const Napi::Env env = deferred.Env();
        if (outcome.error < 0) return deferred.Reject(SystemError(env, outcome.error, "netlink"));
        deferred.Resolve(ResultObject(env, outcome));
      });
}

/* openBatch(operation, protocol, most, receiveBytes): { append, run, done, cancel } */
Napi::Value OpenBatch(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto operation = IntegerArgument(info[0], 1, 3);
  /* What has no tag is never added, and removed where it is somebody else's. */
  const auto tag = IntegerArgument(info[1], operation == 2 ? 0 : 1, 255);
  const auto most = IntegerArgument(info[2], 0, kMaxRecords);
  const auto receive_bytes = IntegerArgument(info[3], 1, INT32_MAX / 2);
  if (!operation || !tag || !most || !receive_bytes) return ThrowArgument(env, kExpected);
  const auto batch =
      std::make_shared<Batch>(static_cast<io::Operation>(*operation), static_cast<uint8_t>(*tag),
                              static_cast<size_t>(*most), static_cast<int>(*receive_bytes));
  batch->records.reserve(batch->most); /* never copied as it grows; untouched pages cost nothing */

  Napi::Object object = Napi::Object::New(env);
  object.Set("append", Napi::Function::New(env, [batch](const auto& info) { return Append(info, *batch); }, "append"));
  object.Set("run", Napi::Function::New(env, [batch](const auto& info) { return Run(info, batch); }, "run"));
  object.Set("done", Napi::Function::New(
                         env, [batch](const auto& info) { return Napi::Number::New(info.Env(), batch->control.done); },
                         "done"));
  object.Set("cancel", Napi::Function::New(
                           env, [batch](const Napi::CallbackInfo&) { batch->control.cancelled = true; }, "cancel"));
  return object;
}

}  // namespace

void ExportPlumb(Napi::Env env, Napi::Object exports) {
  exports.Set("openBatch", Napi::Function::New(env, OpenBatch, "openBatch"));
}

}  // namespace holdfast::binding
