#include "plumber.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "../wire/presence.h"
#include "../wire/requests.h"
#include "netlink_socket.h"
#include "pause.h"

namespace holdfast::io {

namespace {

using wire::AddressRecord;

/* As much as one send takes; larger ones gain nothing that could be measured. */
constexpr size_t kSendBytes = 64 << 10;
constexpr size_t kRequestBytes = 128; /* the largest request, rounded up */
/* How often in a row answers may be dropped: enough to come down from the largest window to single requests. */
constexpr unsigned kTries = 12;

/* Interface addresses of one family. A kernel without that family has none. */
int DumpAddresses(NetlinkSocket& socket, uint8_t family, std::vector<AddressRecord>& out) noexcept {
  const size_t before = out.size();
  const int error = socket.Dump(
      [family](auto& request, uint32_t seq) { wire::AppendAddressDump(request, seq, family); },
      [&] { out.resize(before); },
      [&](const wire::Message& message) {
        /* Without that family the kernel answers for all (rtnl_dump_all). */
        if (AddressRecord found; wire::DecodeAddress(message, found) && found.family == family) out.push_back(found);
      });
  return error == -EOPNOTSUPP || error == -EAFNOSUPPORT ? 0 : error;
}

/* Local host routes of one family; `tag` 0 stands for all. */
int DumpRoutes(NetlinkSocket& socket, uint8_t family, uint8_t tag, std::vector<AddressRecord>& out) noexcept {
  const size_t before = out.size();
  const int error = socket.Dump(
      [=](auto& request, uint32_t seq) { wire::AppendRouteDump(request, seq, family, tag); },
      [&] { out.resize(before); },
      [&](const wire::Message& message) {
        AddressRecord found;
        if (!wire::DecodeRoute(message, found) || found.family != family) return;
        if (tag == 0 || found.protocol == tag) out.push_back(found);
      });
  /* A table that never held a route does not exist. */
  return error == -ENOENT || error == -EOPNOTSUPP || error == -EAFNOSUPPORT ? 0 : error;
}

/* One Plumb() call under way. */
class Batch {
 public:
  Batch(Operation operation, uint8_t tag, std::span<const AddressRecord> records)
      : operation_(operation), tag_(tag), records_(records) {
    outcome_.statuses.resize(records.size());
  }

  PlumbOutcome Run() noexcept {
    if (records_.empty()) return std::move(outcome_);
    outcome_.error = socket_.Open();
    if (outcome_.error == 0) outcome_.error = Judge();
    if (outcome_.error < 0) return std::move(outcome_);
    AskKernel();
    if (operation_ == Operation::kAdd && outcome_.texts.count(-EEXIST) > 0) SettleExisting();
    return std::move(outcome_);
  }

 private:
  /* Fills statuses that need no kernel, and `pending_` with the records that do. */
  int Judge() noexcept {
    std::vector<AddressRecord> found;
    if (const int error = DumpFamilies(found, false); error < 0) return error;
    const wire::Presence presence(std::move(found));
    for (size_t i = 0; i < records_.size(); i++) {
      const auto verdict = operation_ == Operation::kAdd ? wire::JudgeAdd(presence, records_[i], tag_)
                                                         : wire::JudgeRemove(presence, records_[i], tag_);
      if (!verdict) {
        pending_.push_back(static_cast<uint32_t>(i));
        continue;
      }
      outcome_.statuses[i] = *verdict;
      if (*verdict < 0) Explain(*verdict, "the host has " + wire::Describe(presence.PlacesOf(records_[i]).front()));
    }
    return 0;
  }

  int DumpFamilies(std::vector<AddressRecord>& found, bool routes) noexcept {
    for (const uint8_t family : {uint8_t{4}, uint8_t{6}}) {
      if (std::ranges::none_of(records_, [=](const auto& record) { return record.family == family; })) continue;
      if (const int error = DumpAddresses(socket_, family, found); error < 0) return error;
      if (!routes) continue;
      if (const int error = DumpRoutes(socket_, family, tag_, found); error < 0) return error;
    }
    return 0;
  }

  /* Windows of pipelined requests. Where answers were dropped, the requests without one are asked again at the end, and
   * fewer at a time; those that never get an answer have that as their status. */
  void AskKernel() noexcept {
    size_t limit = std::min(socket_.window(), kSendBytes / kRequestBytes);
    unsigned tries = 0;
    for (size_t next = 0; next < pending_.size();) {
      const auto first = pending_.begin() + static_cast<ptrdiff_t>(next);
      const std::vector<uint32_t> window(first, first + static_cast<ptrdiff_t>(std::min(limit, pending_.size() - next)));
      next += window.size();
      const int error = ExchangeWindow(window);
      if (error == 0) {
        tries = 0;
      } else if (error == -ENOBUFS && tries < kTries) {
        limit = std::max<size_t>(1, limit / 2);
        PauseBeforeRetry(tries++);
      } else {
        for (; next < pending_.size(); next++) outcome_.statuses[pending_[next]] = error;
        Explain(error, "the kernel gave no answer");
      }
    }
  }

  /* Sends one request for each record of the window. Only the last is answered in any case: its answer tells that all
   * are done, and those without one have gone well. On an error the records that have no answer are pending again, at
   * the end; what was done all the same is not done twice (Settled(), SettleExisting()). */
  int ExchangeWindow(const std::vector<uint32_t>& window) noexcept {
    std::vector<uint8_t> requests;
    requests.reserve(window.size() * kRequestBytes);
    uint32_t first_seq = 0;
    for (const uint32_t i : window) {
      const uint32_t seq = socket_.NextSeq();
      if (first_seq == 0) first_seq = seq;
      const size_t start = requests.size();
      if (operation_ == Operation::kAdd)
        wire::AppendAdd(requests, seq, records_[i], tag_);
      else
        wire::AppendRemove(requests, seq, records_[i], tag_);
      if (i != window.back()) wire::AnswerFailureOnly(requests, start);
    }
    std::vector<bool> answered(window.size());
    int error = socket_.Send(requests);
    while (error == 0 && !answered.back()) {
      wire::Bytes datagram;
      error = socket_.Receive(datagram);
      if (error == 0) TakeAnswers(datagram, window, first_seq, answered);
    }
    if (error == 0) return 0;

    /* What did arrive before the loss still counts. */
    for (wire::Bytes datagram; socket_.Receive(datagram, false) == 0;)
      TakeAnswers(datagram, window, first_seq, answered);
    for (size_t i = 0; i < window.size(); i++)
      if (!answered[i]) pending_.push_back(window[i]);
    return error;
  }

  void TakeAnswers(wire::Bytes datagram, const std::vector<uint32_t>& window, uint32_t first_seq,
                   std::vector<bool>& answered) noexcept {
    wire::MessageReader reader(datagram);
    for (wire::Message message; reader.Next(message);) {
      wire::Ack ack;
      const size_t at = message.seq - first_seq; /* wraps far beyond the window for an older request */
      if (!wire::ParseAck(message, ack) || at >= window.size() || answered[at]) continue;
      answered[at] = true;
      outcome_.statuses[window[at]] = Settled(ack.error) ? 0 : ack.error;
      if (!Settled(ack.error)) Explain(ack.error, ack.text);
    }
  }

  /* Removing what is not there, or is gone with its interface, has reached what was wanted. */
  bool Settled(int32_t error) const {
    if (operation_ == Operation::kAdd) return error == 0;
    return error == 0 || error == -EADDRNOTAVAIL || error == -ESRCH || error == -ENODEV;
  }

  /* EEXIST from the kernel after Judge() saw nothing: a local route of ours (Judge() does not dump routes, which may be
   * a million), a request that was sent twice because its answer was dropped, or somebody else in between. Look; where
   * that fails, the kernel's word stands. */
  void SettleExisting() noexcept {
    std::vector<AddressRecord> found;
    if (DumpFamilies(found, true) < 0) return;
    const wire::Presence presence(std::move(found));
    bool refused = false;
    for (size_t i = 0; i < records_.size(); i++) {
      if (outcome_.statuses[i] != -EEXIST) continue;
      if (wire::JudgeAdd(presence, records_[i], tag_) == 0) outcome_.statuses[i] = 0;
      refused |= outcome_.statuses[i] != 0;
    }
    if (!refused) outcome_.texts.erase(-EEXIST);
  }

  void Explain(int32_t error, std::string_view text) { outcome_.texts.try_emplace(error, text); }

  const Operation operation_;
  const uint8_t tag_;
  const std::span<const AddressRecord> records_;
  NetlinkSocket socket_;
  std::vector<uint32_t> pending_; /* indices into records_, in the order of asking */
  PlumbOutcome outcome_;
};

}  // namespace

int ListLinks(std::vector<wire::LinkRecord>& out) noexcept {
  NetlinkSocket socket;
  if (const int error = socket.Open(); error < 0) return error;
  return socket.Dump(wire::AppendLinkDump, [&] { out.clear(); },
                     [&](const wire::Message& message) {
                       if (wire::LinkRecord link; wire::DecodeLink(message, link)) out.push_back(std::move(link));
                     });
}

int ListAddresses(int tag, std::vector<AddressRecord>& out) noexcept {
  NetlinkSocket socket;
  if (const int error = socket.Open(); error < 0) return error;
  for (const uint8_t family : {uint8_t{4}, uint8_t{6}}) {
    if (const int error = DumpAddresses(socket, family, out); error < 0) return error;
    if (const int error = DumpRoutes(socket, family, tag < 0 ? 0 : static_cast<uint8_t>(tag), out); error < 0)
      return error;
  }
  if (tag >= 0) std::erase_if(out, [=](const auto& record) { return record.protocol != tag; });
  return 0;
}

PlumbOutcome Plumb(Operation operation, uint8_t tag, std::span<const AddressRecord> records) noexcept {
  return Batch(operation, tag, records).Run();
}

}  // namespace holdfast::io
