#include "probes.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "../wire/decode.h"
#include "../wire/presence.h"
#include "../wire/requests.h"
#include "pause.h"

namespace holdfast::io {

namespace {

using wire::AddressRecord;

struct Probes {
  std::vector<AddressRecord> under_way;
  std::vector<AddressRecord> duplicate;
};

/* 0 or -errno. */
int DumpProbes(NetlinkSocket& socket, Probes& out) noexcept {
  return socket.Dump([](auto& request, uint32_t seq) { wire::AppendAddressDump(request, seq, 6, 0); },
                     [&] { out = {}; },
                     [&](const wire::Message& message) {
                       AddressRecord found;
                       if (!wire::DecodeAddress(message, found)) return;
                       const wire::Probe probe = wire::ProbeOf(message);
                       if (probe == wire::Probe::kUnderWay) out.under_way.push_back(found);
                       if (probe == wire::Probe::kDuplicate) out.duplicate.push_back(found);
                     });
}

bool IsAt(const wire::Presence& places, const AddressRecord& record) {
  return std::ranges::any_of(places.PlacesOf(record), [&](const auto& one) { return wire::SamePlace(one, record); });
}

bool IsProbed(const AddressRecord& record) {
  return record.family == 6 && !wire::IsRoute(record) && (record.flags & wire::kFlagProbe) != 0;
}

}  // namespace

std::vector<AddressRecord> AwaitProbes(NetlinkSocket& socket, std::span<const AddressRecord> records,
                                       std::span<int32_t> statuses, const std::atomic<bool>& cancelled) noexcept {
  std::vector<size_t> waiting;
  for (size_t i = 0; i < records.size(); i++)
    if (statuses[i] == 0 && IsProbed(records[i])) waiting.push_back(i);
  std::vector<AddressRecord> refused;
  const auto refuse = [&](size_t i, int32_t status) {
    statuses[i] = status;
    refused.push_back(records[i]);
  };

  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(kProbeSeconds);
  while (!waiting.empty() && !cancelled && std::chrono::steady_clock::now() < end) {
    Probes probes;
    if (DumpProbes(socket, probes) == 0) {
      const wire::Presence duplicate(std::move(probes.duplicate));
      const wire::Presence under_way(std::move(probes.under_way));
      std::erase_if(waiting, [&](size_t i) {
        if (IsAt(duplicate, records[i])) refuse(i, -EADDRINUSE);
        return !IsAt(under_way, records[i]);
      });
    }
    if (!waiting.empty()) PauseBeforeRetry(UINT32_MAX);
  }
  for (const size_t i : waiting) refuse(i, cancelled ? -ECANCELED : -ETIMEDOUT);
  return refused;
}

}  // namespace holdfast::io
