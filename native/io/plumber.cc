#include "plumber.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "../wire/presence.h"
#include "../wire/requests.h"
#include "dumps.h"
#include "pause.h"
#include "probes.h"
#include "tags.h"

namespace holdfast::io {

namespace {

using wire::AddressRecord;

/* How often in a row answers may be dropped: enough to come down from the largest window to single requests. */
constexpr unsigned kTries = 12;

constexpr const char* kCancelled = "cancelled before its turn";
constexpr const char* kTooLate = "its time was over before its turn";

/* How many requests go out at once. The kernel works them off within one send, which nothing can interrupt; what one costs
 * goes from 2 us (a route) to milliseconds (an alias on an interface with a hundred thousand). So that a batch can be
 * cancelled and tells of its progress, a window is as large as fits into kWanted. */
class WindowSize {
 public:
  explicit WindowSize(size_t most) : most_(std::min(most, kMost)) {}

  size_t get() const { return std::min(size_, most_); }

  void Took(std::chrono::steady_clock::duration time) {
    if (time > kWanted) size_ = std::max<size_t>(1, get() / 2);
    if (time < kWanted / 4) size_ = std::min(most_, get() * 2);
  }

  /* There is no room for the answers to so many. */
  void Overflowed() { most_ = std::max<size_t>(1, get() / 2); }

 private:
  static constexpr std::chrono::milliseconds kWanted{20};
  static constexpr size_t kMost = 512; /* larger ones gain nothing that could be measured */

  size_t most_;
  size_t size_ = 32;
};

/* One Plumb() call under way. */
class Batch {
 public:
  Batch(Operation operation, uint8_t tag, std::span<const AddressRecord> records, BatchControl& control,
        const Terms& terms)
      : operation_(operation), tag_(tag), records_(records), control_(control), terms_(terms) {
    outcome_.statuses.resize(records.size());
  }

  PlumbOutcome Run(int receive_bytes) noexcept {
    if (records_.empty()) return std::move(outcome_);
    outcome_.error = socket_.Open(receive_bytes);
    if (outcome_.error == 0) outcome_.error = KeepsTags(keeps_tags_);
    if (outcome_.error == 0) outcome_.error = Judge();
    if (outcome_.error < 0) return std::move(outcome_);
    AskKernel();
    if (operation_ == Operation::kAdd) {
      if (outcome_.texts.count(-EEXIST) > 0) Settle(-EEXIST);
      FinishProbes();
      if (IsMortal() && !keeps_tags_) ExtendAdded();
    }
    return std::move(outcome_);
  }

 private:
  /* Fills statuses that need no kernel, and `pending_` with the records that do. */
  int Judge() noexcept {
    std::vector<AddressRecord> found;
    if (const int error = DumpFamilies({.local_routes = false}, found); error < 0) return error;
    const wire::Presence presence(std::move(found));
    for (size_t i = 0; i < records_.size(); i++) {
      const auto verdict = VerdictOn(presence, records_[i]);
      if (!verdict) {
        pending_.push_back(static_cast<uint32_t>(i));
        continue;
      }
      outcome_.statuses[i] = *verdict;
      if (*verdict < 0) Explain(*verdict, Reason(presence.PlacesOf(records_[i])));
    }
    return 0;
  }

  std::optional<int32_t> VerdictOn(const wire::Presence& presence, const AddressRecord& record) const {
    switch (operation_) {
      case Operation::kAdd: return wire::JudgeAdd(presence, record, tag_, keeps_tags_);
      case Operation::kRemove: return wire::JudgeRemove(presence, record, tag_, keeps_tags_);
      case Operation::kExtend: return wire::JudgeExtend(presence, record, tag_);
    }
    return -EINVAL;
  }

  static std::string Reason(std::span<const AddressRecord> places) {
    return places.empty() ? "the host does not have it" : "the host has " + wire::Describe(places.front());
  }

  int DumpFamilies(const AddressFilter& filter, std::vector<AddressRecord>& found) noexcept {
    for (const uint8_t family : {uint8_t{4}, uint8_t{6}}) {
      if (std::ranges::none_of(records_, [=](const auto& record) { return record.family == family; })) continue;
      if (const int error = DumpFamily(socket_, family, filter, found); error < 0) return error;
    }
    return 0;
  }

  /* Windows of pipelined requests. Where answers were dropped, the requests without one are asked again at the end, and
   * fewer at a time; those that never get an answer have that as their status. */
  void AskKernel() noexcept {
    WindowSize size(socket_.window());
    unsigned tries = 0;
    for (size_t next = 0; next < pending_.size();) {
      control_.done = static_cast<uint32_t>(records_.size() - (pending_.size() - next));
      if (control_.cancelled) return GiveUp(next, -ECANCELED, kCancelled);
      if (std::chrono::steady_clock::now() >= terms_.not_after) return GiveUp(next, -ETIME, kTooLate);
      const auto first = pending_.begin() + static_cast<ptrdiff_t>(next);
      const std::vector<uint32_t> window(first, first + static_cast<ptrdiff_t>(std::min(size.get(), pending_.size() - next)));
      next += window.size();
      const auto start = std::chrono::steady_clock::now();
      const int error = ExchangeWindow(window);
      if (error == 0) {
        tries = 0;
        size.Took(std::chrono::steady_clock::now() - start);
      } else if (error == -ENOBUFS && tries < kTries) {
        size.Overflowed();
        PauseBeforeRetry(tries++);
      } else {
        return GiveUp(next, error, "the kernel gave no answer");
      }
    }
    control_.done = static_cast<uint32_t>(records_.size());
  }

  void GiveUp(size_t next, int error, std::string_view text) noexcept {
    for (; next < pending_.size(); next++) outcome_.statuses[pending_[next]] = error;
    Explain(error, text);
    if (repeating_) Settle(error);
  }

  /* Sends one request for each record of the window. Only the last is answered in any case: its answer tells that all
   * are done, and those without one have gone well. On an error the records that have no answer are pending again, at
   * the end; what was done all the same is not done twice (Settled(), Settle()). */
  int ExchangeWindow(const std::vector<uint32_t>& window) noexcept {
    requests_.clear();
    uint32_t first_seq = 0;
    const uint32_t valid = ValidSeconds();
    for (const uint32_t i : window) {
      const uint32_t seq = socket_.NextSeq();
      if (first_seq == 0) first_seq = seq;
      const size_t start = requests_.size();
      switch (operation_) {
        case Operation::kAdd: wire::AppendAdd(requests_, seq, records_[i], tag_, valid); break;
        case Operation::kRemove: wire::AppendRemove(requests_, seq, records_[i], tag_); break;
        case Operation::kExtend: wire::AppendExtend(requests_, seq, records_[i], tag_, valid); break;
      }
      if (i != window.back()) wire::AnswerFailureOnly(requests_, start);
    }
    std::vector<bool> answered(window.size());
    int error = socket_.Send(requests_);
    while (error == 0 && !answered.back()) {
      wire::Bytes datagram;
      error = socket_.Receive(datagram);
      if (error == 0) TakeAnswers(datagram, window, first_seq, answered);
    }
    if (error == 0) return 0;

    /* What did arrive before the loss still counts. */
    for (wire::Bytes datagram; socket_.Receive(datagram, false) == 0;)
      TakeAnswers(datagram, window, first_seq, answered);
    repeating_ = true;
    for (size_t i = 0; i < window.size(); i++)
      if (!answered[i]) pending_.push_back(window[i]);
    return error;
  }

  bool IsMortal() const { return terms_.valid_until != Terms::Time::max(); }

  /* Nothing on this host carried a tag before; on a kernel that keeps them, what was just added does, and can be
   * extended. */
  void ExtendAdded() noexcept {
    std::vector<AddressRecord> added;
    for (size_t i = 0; i < records_.size(); i++)
      if (outcome_.statuses[i] == 0 && !wire::IsRoute(records_[i])) added.push_back(records_[i]);
    BatchControl control;
    Plumb(Operation::kExtend, tag_, added, control, terms_);
  }

  /* Rounded up, so that the kernel takes nothing from who may have it yet. */
  uint32_t ValidSeconds() const {
    if (!IsMortal() || !keeps_tags_) return wire::kForever;
    const auto left = std::chrono::ceil<std::chrono::seconds>(terms_.valid_until - std::chrono::steady_clock::now());
    return static_cast<uint32_t>(std::clamp<int64_t>(left.count(), 1, INT32_MAX));
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
    if (operation_ != Operation::kRemove) return error == 0;
    return error == 0 || error == -EADDRNOTAVAIL || error == -ESRCH || error == -ENODEV;
  }

  /* Looks whether what a doubtful status speaks of has come about all the same. -EEXIST from the kernel after Judge() saw
   * nothing: a local route of ours (Judge() does not dump routes, which may be a million), a request that was sent twice
   * because its answer was dropped, an address that is in the batch twice, or somebody else in between. Where the batch ended
   * among requests that were to be sent again: those that were done the first time. Where looking fails, the status
   * stands. */
  void Settle(int32_t doubtful) noexcept {
    std::vector<AddressRecord> found;
    if (DumpFamilies({.local_routes = false}, found) < 0) return;
    if (DumpFamilies({.tag = tag_, .aliases = false}, found) < 0) return;
    const wire::Presence presence(std::move(found));
    bool refused = false;
    for (size_t i = 0; i < records_.size(); i++) {
      if (outcome_.statuses[i] != doubtful) continue;
      if (CameAbout(presence, records_[i])) outcome_.statuses[i] = 0;
      refused |= outcome_.statuses[i] != 0;
    }
    if (!refused) outcome_.texts.erase(doubtful);
  }

  bool CameAbout(const wire::Presence& presence, const AddressRecord& record) const {
    if (operation_ == Operation::kExtend) return false; /* a lifetime is not looked at: the next one sets it anew */
    if (operation_ == Operation::kAdd) return wire::JudgeAdd(presence, record, tag_, keeps_tags_) == 0;
    return std::ranges::none_of(presence.PlacesOf(record),
                                [&](const auto& place) { return wire::SamePlace(place, record); });
  }

  /* What is not to be used after all does not stay. */
  void FinishProbes() noexcept {
    const auto refused = AwaitProbes(socket_, records_, outcome_.statuses, control_.cancelled);
    if (refused.empty()) return;
    BatchControl control;
    Plumb(Operation::kRemove, tag_, refused, control);
    Explain(-EADDRINUSE, "another host on the link answers for it");
    Explain(-ECANCELED, kCancelled);
    Explain(-ETIMEDOUT, "nobody could be asked whether another host has it");
    std::erase_if(outcome_.texts, [&](const auto& text) {
      return std::ranges::find(outcome_.statuses, text.first) == outcome_.statuses.end();
    });
  }

  void Explain(int32_t error, std::string_view text) { outcome_.texts.try_emplace(error, text); }

  const Operation operation_;
  const uint8_t tag_;
  const std::span<const AddressRecord> records_;
  BatchControl& control_;
  const Terms terms_;
  bool keeps_tags_ = true;
  NetlinkSocket socket_;
  std::vector<uint32_t> pending_; /* indices into records_, in the order of asking */
  bool repeating_ = false;        /* some of them were asked before */
  std::vector<uint8_t> requests_;
  PlumbOutcome outcome_;
};

}  // namespace

PlumbOutcome Plumb(Operation operation, uint8_t tag, std::span<const AddressRecord> records, BatchControl& control,
                   const Terms& terms, int receive_bytes) noexcept {
  return Batch(operation, tag, records, control, terms).Run(receive_bytes);
}

}  // namespace holdfast::io
