/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/gateway_door.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

typedef struct Guest {
    int connection;
    struct in6_addr address; /* of IPv6 its network: one host has as many addresses as it likes */
} Guest;

struct Door {
    pthread_mutex_t lock;
    pthread_cond_t left;
    VEC(Guest) guests;
    unsigned transfers, transfers_max;
};

Door *door_new(unsigned transfers)
{
    Door *door = xnew(Door);
    pthread_mutex_init(&door->lock, NULL);
    pthread_cond_init(&door->left, NULL);
    door->transfers_max = transfers;
    return door;
}

Door *door_free(Door *door)
{
    if (!door)
        return NULL;
    pthread_cond_destroy(&door->left);
    pthread_mutex_destroy(&door->lock);
    vec_free(&door->guests);
    free(door);
    return NULL;
}

static struct in6_addr address_of(int connection)
{
    struct sockaddr_storage peer = {};
    socklen_t length = sizeof peer;
    struct in6_addr address = {};
    if (getpeername(connection, (struct sockaddr *)&peer, &length) < 0)
        return address; /* gone already, or local: all of them are one */
    if (peer.ss_family == AF_INET)
        memcpy(&address, &((struct sockaddr_in *)&peer)->sin_addr, sizeof(struct in_addr));
    else if (peer.ss_family == AF_INET6)
        memcpy(&address, &((struct sockaddr_in6 *)&peer)->sin6_addr, sizeof address / 2);
    return address;
}

bool door_enter(Door *door, int connection)
{
    const Guest guest = {.connection = connection, .address = address_of(connection)};
    unsigned same = 0;
    pthread_mutex_lock(&door->lock);
    for (size_t i = 0; i < door->guests.count; i++)
        same += memcmp(&door->guests.items[i].address, &guest.address, sizeof guest.address) == 0;
    bool enters = same < DOOR_GUESTS_OF_ONE;
    if (enters)
        vec_push(&door->guests, guest);
    pthread_mutex_unlock(&door->lock);
    return enters;
}

/* Whether it was still one. */
static bool is_no_guest_any_more(Door *door, int connection)
{
    for (size_t i = 0; i < door->guests.count; i++)
        if (door->guests.items[i].connection == connection) {
            door->guests.items[i] = door->guests.items[--door->guests.count];
            return true;
        }
    return false;
}

void door_show(Door *door, int connection)
{
    pthread_mutex_lock(&door->lock);
    (void)is_no_guest_any_more(door, connection); /* it is */
    while (door->transfers >= door->transfers_max)
        pthread_cond_wait(&door->left, &door->lock);
    door->transfers++;
    pthread_mutex_unlock(&door->lock);
}

void door_leave(Door *door, int connection)
{
    pthread_mutex_lock(&door->lock);
    if (!is_no_guest_any_more(door, connection)) {
        door->transfers--;
        pthread_cond_signal(&door->left);
    }
    pthread_mutex_unlock(&door->lock);
}
