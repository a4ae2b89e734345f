#include "../io/neighbours.h"

#include "arguments.h"
#include "dumps.h"
#include "exports.h"
#include "job.h"

namespace holdfast::binding {

namespace {

struct Neighbours {
  int error = 0;
  std::vector<wire::NeighbourRecord> records;
};

/* neighbours(ifindex): Promise<Buffer> */
Napi::Value ListNeighbours(const Napi::CallbackInfo& info) {
  const auto ifindex = IntegerArgument(info[0], 0, INT32_MAX);
  if (!ifindex) return ThrowArgument(info.Env(), "neighbours needs (ifindex: 1 or more, or 0 for all)");
  return RunJob(
      info.Env(), "holdfast.neighbours",
      [ifindex = static_cast<uint32_t>(*ifindex)] {
        Neighbours found;
        found.error = io::ListNeighbours(ifindex, found.records);
        return found;
      },
      [](const Napi::Promise::Deferred& deferred, const Neighbours& found) {
        const Napi::Env env = deferred.Env();
        if (found.error < 0) return deferred.Reject(SystemError(env, found.error, "dump neighbours"));
        deferred.Resolve(NeighboursBuffer(env, found.records));
      });
}

}  // namespace

void ExportNeighbours(Napi::Env env, Napi::Object exports) {
  exports.Set("neighbours", Napi::Function::New(env, ListNeighbours, "neighbours"));
}

}  // namespace holdfast::binding
