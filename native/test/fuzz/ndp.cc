/* Frames read as neighbour discovery, and the advertisement built for what they are about read back. */
#include "../../wire/ndp.h"

#include <netinet/icmp6.h>

#include <algorithm>

#include "fuzz.h"

using namespace holdfast;
using fuzz::Require;

static void CheckBuilt(const wire::Mac& mac, const wire::IpAddress& target, const wire::Mac& to) {
  const wire::AdvertisementFrame frame = wire::BuildAdvertisement(mac, target, to);
  nd_neighbor_advert advert; /* the C library's own layout */
  std::memcpy(&advert, frame.data() + 54, sizeof advert);
  Require(advert.nd_na_type == ND_NEIGHBOR_ADVERT, "it is an advertisement");
  Require(advert.nd_na_flags_reserved == ND_NA_FLAG_OVERRIDE, "that overrides, and answers nobody");
  Require(std::equal(to.begin(), to.end(), frame.begin()), "it goes where it is to go");

  wire::NdpMessage read;
  Require(wire::ParseNdp(frame, read), "what is built is valid, its checksum too");
  Require(read.from == mac && read.link_layer == mac && read.source == target && read.target == target,
          "and says what it was told to say");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wire::NdpMessage message;
  if (!wire::ParseNdp({data, size}, message)) return 0;
  Require(size >= 78, "a message is no shorter than its fixed part");
  Require(data[21] == 255, "it did not pass a router");
  Require(message.target[0] != 0xff, "it is about one host");
  Require(!message.solicited || message.type == wire::NdpType::kAdvertisement, "nobody asks because he was asked");
  CheckBuilt(message.from, message.target, message.link_layer.value_or(wire::kAllNodesMac));
  return 0;
}
