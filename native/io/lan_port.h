#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "../wire/lan_table.h"
#include "unique_fd.h"

namespace holdfast::io {

/* Hears ARP and neighbour discovery on one interface, answers for addresses of ours where the kernel does not, and notes who
 * else uses them.
 *
 *   Open(), Run()         one reader thread
 *   Own() .. Take()       any thread; wait for the reader at most as long as one lot of frames takes
 *   Stop()                any thread; waits for nobody
 *
 * Whatever a stranger sends: each protocol has a socket, of which a lot is read in turn, so that a flood of one leaves the
 * other its share; memory is bounded by the table, and what is handed over by kMostAnInterval. */
class LanPort {
 public:
  /* Sightings that may be taken between two calls of `on_news`. */
  static constexpr size_t kMostAnInterval = 2048;

  /* -EPERM without CAP_NET_RAW, -ENODEV for an interface that is not there. 0 or -errno. */
  int Open(uint32_t ifindex, const wire::Mac& mac) noexcept;

  /* Reads until Stop(). Calls `on_news` when there is something to take: at once, but no more often than every 50 ms, however
   * many frames come, and again for what was left of the last time. */
  void Run(const std::function<void()>& on_news) noexcept;
  void Stop() noexcept;

  void Own(std::span<const wire::IpAddress> addresses, bool on_link) noexcept;
  /* Once it has returned, no answer for them is sent any more. */
  void Disown(std::span<const wire::IpAddress> addresses) noexcept;
  void Seek(std::span<const wire::IpAddress> addresses) noexcept;
  void Forsake(std::span<const wire::IpAddress> addresses) noexcept;

  struct News {
    std::vector<wire::Sighting> sightings;
    bool more = false; /* to be taken in the same interval */
  };
  /* At most `most` sightings; the rest with the next call, or after the next `on_news`. */
  News Take(size_t most) noexcept;

  /* Frames sent since Open(). */
  uint32_t answers() const noexcept { return answers_; }

 private:
  using Clock = std::chrono::steady_clock;

  static constexpr size_t kFramesALot = 64;
  /* More than ARP and a sensible solicitation take. */
  static constexpr size_t kFrameBytes = 512;

  /* A socket, and what of it has been read since all that had arrived at both was heard. */
  struct Source {
    UniqueFd fd;
    size_t frames = 0;
    bool drained = false;
  };

  /* Reads and hears at most one lot. */
  void Read(Source& source) noexcept;
  /* How many frames are in `frames_`; -errno. */
  int Receive(int fd) noexcept;
  void Hear(size_t frames, int arp_ignore) noexcept;
  /* Notes when all that had arrived has been heard. @returns whether there is something to take. */
  bool LookAtTable() noexcept;
  void BeginInterval() noexcept;
  void WaitForFrames() noexcept;
  void Send(wire::Bytes frame, uint16_t protocol) noexcept;
  wire::LanTable::Moment Now() const noexcept;
  int ArpIgnore() noexcept;

  uint32_t ifindex_ = 0;
  Source arp_;
  Source ndp_;
  UniqueFd wake_;
  std::atomic<bool> stopping_ = false;
  bool has_news_ = false;                /* reader thread only, with the five that follow */
  Clock::time_point news_at_{};          /* not before */
  int arp_ignore_ = 0;
  Clock::time_point arp_ignore_until_{};
  std::array<std::array<uint8_t, kFrameBytes>, kFramesALot> frames_;
  std::array<size_t, kFramesALot> sizes_;
  std::mutex mutex_; /* guards what follows */
  wire::LanTable table_{wire::Mac{}};
  uint32_t drains_ = 0;
  size_t left_in_interval_ = kMostAnInterval;
  std::atomic<uint32_t> answers_ = 0;
};

}  // namespace holdfast::io
