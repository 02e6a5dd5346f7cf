/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How many may be in the gateway: guests, who have not shown the token yet, and those who have. Guests are many, so
 * that those who never show one keep nobody out, but one address has no more than its share of the places. For threads.
 */
#include "base/base.h"

enum {
    DOOR_GUESTS = 64,        /* places of guests */
    DOOR_GUESTS_OF_ONE = 24, /* of one address */
};

typedef struct Door Door;

/* transfers: how many may be in with a token at once. */
Door *door_new(unsigned transfers);
Door *door_free(Door *door);
/* A connection was accepted. False: its address has its share already. Ended by door_show or door_leave. */
bool door_enter(Door *door, int connection) _must_check_;
/* It has shown the token: waits until there is room for one more transfer. */
void door_show(Door *door, int connection);
void door_leave(Door *door, int connection);
