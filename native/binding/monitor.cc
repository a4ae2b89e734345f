#include "../io/monitor.h"

#include <netinet/in.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "../wire/address_text.h"
#include "arguments.h"
#include "dumps.h"
#include "exports.h"
#include "job.h"
#include "reader_thread.h"

namespace holdfast::binding {

namespace {

constexpr const char* kExpected =
    "openMonitor needs (receiveBytes: 1 or more, withNeighbours: boolean, handler: function)";

constexpr const char* kCloseExpected = "close needs a monitor that is not closed yet";

/* So many addresses reach JavaScript in one turn of its event loop: about 3 ms with what is made of them there. */
constexpr size_t kMostATurn = 4096;

class Watcher final : public ReaderThread {
 public:
  Watcher(Napi::Env env, const Napi::Function& handler) : ReaderThread(env, handler, "holdfast.monitor") {}

  io::Monitor& monitor() { return monitor_; }

 private:
  void Run(const std::function<void()>& on_news) override { monitor_.Run(on_news); }
  void Stop() override { monitor_.Stop(); }

  void Deliver(Napi::Env env) override {
    const io::Monitor::News news = monitor_.Take(kMostATurn);
    if (news.more) DeliverAgain();

    const auto& [removed, added, links, neighbours] = news.changes;
    if (removed.empty() && added.empty() && links.empty() && neighbours.empty() && news.resyncs == resyncs_) return;
    resyncs_ = news.resyncs;
    Tell(env, {RecordsBuffer(env, removed), RecordsBuffer(env, added), LinkPairs(env, links),
               NeighbourPairs(env, neighbours), Napi::Number::New(env, news.resyncs)});
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

  io::Monitor monitor_;
  unsigned resyncs_ = 0;
};

/* has(address): boolean */
Napi::Value Has(const Napi::CallbackInfo& info, io::Monitor& monitor) {
  char text[INET6_ADDRSTRLEN + 1] = "";
  size_t size = 0;
  /* By hand, without a std::string: this is asked for every connection. A text that was cut short is no address. */
  if (napi_get_value_string_utf8(info.Env(), info[0], text, sizeof text, &size) != napi_ok)
    return ThrowArgument(info.Env(), "has needs (address: string)");
  const auto address = wire::ParseAddress({text, size});
  return Napi::Boolean::New(info.Env(), address && monitor.Has(*address));
}

Napi::Object MonitorObject(Napi::Env env, const std::shared_ptr<Watcher>& watcher) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("has", Napi::Function::New(
                        env, [watcher](const auto& info) { return Has(info, watcher->monitor()); }, "has"));
  object.Set("close", Napi::Function::New(
                          env, [watcher](const auto& info) { return watcher->Close(info.Env(), kCloseExpected); }, "close"));
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
