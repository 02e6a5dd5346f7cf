/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "base/heap.h"
#include "base/id.h"

typedef struct Item {
    int name;
    HeapEntry entry;
} Item;

START_TEST(test_order)
{
    Heap heap = {};
    Item items[200];
    for (int i = 0; i < 200; i++) {
        items[i] = (Item){.name = i};
        heap_set(&heap, &items[i].entry, random_bits() % 50);
    }
    usec_t before = 0;
    for (int i = 0; i < 200; i++) {
        HeapEntry *first = heap_first(&heap);
        ck_assert_uint_ge(first->date, before);
        before = first->date;
        heap_remove(&heap, first);
    }
    ck_assert_ptr_null(heap_first(&heap));
    heap_done(&heap);
}
END_TEST

START_TEST(test_move_and_remove)
{
    Heap heap = {};
    Item a = {.name = 1}, b = {.name = 2}, c = {.name = 3};
    heap_set(&heap, &a.entry, 10);
    heap_set(&heap, &b.entry, 20);
    heap_set(&heap, &c.entry, 30);
    heap_set(&heap, &c.entry, 5);
    ck_assert_int_eq(heap_item(heap_first(&heap), Item, entry)->name, 3);
    heap_remove(&heap, &a.entry);
    heap_remove(&heap, &a.entry); /* not in: nothing happens */
    heap_remove(&heap, &c.entry);
    ck_assert_int_eq(heap_item(heap_first(&heap), Item, entry)->name, 2);
    heap_set(&heap, &a.entry, USEC_INFINITY);
    heap_remove(&heap, &b.entry);
    ck_assert_int_eq(heap_item(heap_first(&heap), Item, entry)->name, 1);
    heap_done(&heap);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heap");
    TCase *tests = tcase_create("heap");
    tcase_add_test(tests, test_order);
    tcase_add_test(tests, test_move_and_remove);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
