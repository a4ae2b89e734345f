#pragma once
/* What rtnetlink tells without being asked (RTNLGRP_*), one message -> one change. Each says false for what is not of its
 * kind, as the decoders of dumps do. */
#include "decode.h"

namespace holdfast::wire {

struct AddressChange {
  bool there = false;    /* it came or changed; else it went, and `record` says from where */
  bool replaces = false; /* NLM_F_REPLACE: another route to the same address went for it, and nobody says so */
  AddressRecord record{};
};

/* RTM_NEWADDR, RTM_DELADDR, and of RTM_NEWROUTE and RTM_DELROUTE what DecodeRoute takes. */
bool DecodeAddressChange(const Message& message, AddressChange& out);

struct LinkChange {
  bool there = false;
  LinkRecord link;
};

/* RTM_NEWLINK, RTM_DELLINK of the link itself. A bridge speaks of its ports by the same types (AF_BRIDGE): a port that
 * leaves its bridge is an RTM_DELLINK, and the link is still there. */
bool DecodeLinkChange(const Message& message, LinkChange& out);

}  // namespace holdfast::wire
