/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Checks of sorted arrays and lists.
 */
#include "nscapi.h"

static Ns_ReturnCode
Indexes(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    static const char *const words[] = {"pear", "fig", "apple", "fig", "plum"};
    Ns_Index  index, numbers, *copy;
    void    **found, *fig;
    int       count = 0;

    Ns_IndexStringInit(&index, 0);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        Ns_IndexAdd(&index, ns_strdup(words[i]));
    }
    Put(ds, "%s %s %d", (char *)Ns_IndexEl(&index, 0), (char *)Ns_IndexEl(&index, 4), Ns_IndexEl(&index, 5) == NULL);
    Put(ds, "%s %d", (char *)Ns_IndexFind(&index, "pear"), Ns_IndexFind(&index, "peach") == NULL);
    Put(ds, "%s %d", (char *)Ns_IndexFindInf(&index, "g"), Ns_IndexFindInf(&index, "z") == NULL);
    found = Ns_IndexFindMultiple(&index, "fig");
    while (found[count] != NULL) {
        count++;
    }
    Put(ds, "%d %d", count, Ns_IndexFindMultiple(&index, "x") == NULL);
    copy = Ns_IndexStringDup(&index);
    fig = found[1];
    ns_free(found);
    Ns_IndexDel(&index, fig);
    Ns_IndexDel(&index, "none");
    ns_free(fig);
    Ns_IndexStringAppend(&index, copy);
    Ns_IndexStringAppend(&index, &index);
    Put(ds, "%d %s %s", (int)index.n, (char *)Ns_IndexEl(&index, 0), (char *)Ns_IndexEl(&index, 17));
    Ns_IndexStringDestroy(copy);
    ns_free(copy);
    Ns_IndexStringTrunc(&index);
    Put(ds, "%d", Ns_IndexEl(&index, 0) == NULL);
    Ns_IndexStringDestroy(&index);
    Ns_IndexIntInit(&numbers, 2);
    for (int i = 5; i > -5; i--) {
        Ns_IndexAdd(&numbers, INT2PTR(i * 10));
    }
    copy = Ns_IndexDup(&numbers);
    Put(ds, "%d %d", PTR2INT(Ns_IndexEl(copy, 0)), PTR2INT(Ns_IndexFindInf(copy, INT2PTR(11))));
    Ns_IndexTrunc(&numbers);
    Put(ds, "%d", (int)numbers.n);
    Ns_IndexDestroy(&numbers);
    Ns_IndexDestroy(copy);
    ns_free(copy);
    return NS_OK;
}

static bool
Same(void *elem1, void *elem2)
{
    return elem1 == elem2;
}

static bool
Odd(void *elem)
{
    return PTR2INT(elem) % 2 != 0;
}

static bool
Smaller(void *left, void *right)
{
    return PTR2INT(right) < PTR2INT(left);
}

static void *
Double(void *elem)
{
    return INT2PTR(PTR2INT(elem) * 2);
}

static void
PutList(Tcl_DString *ds, const Ns_List *list)
{
    Tcl_DStringStartSublist(ds);
    for (; list != NULL; list = list->rest) {
        Put(ds, "%d", PTR2INT(list->first));
    }
    Tcl_DStringEndSublist(ds);
}

static Ns_List *
Make(const char *digits)
{
    Ns_List *list = NULL;

    for (; *digits != '\0'; digits++) {
        list = Ns_ListCons(INT2PTR(*digits - '0'), list);
    }
    return Ns_ListNreverse(list);
}

static int freed;

static void
Count(void *UNUSED(elem))
{
    freed++;
}

static void
PrintInt(void *elem)
{
    Ns_IntPrint(PTR2INT(elem));
    Ns_StringPrint(";");
}

static Ns_ReturnCode
Lists(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Ns_List *list = Make("3141592653"), *copy = Ns_ListCopy(list), *mapped;

    PutList(ds, list);
    Put(ds, "%d %d", Ns_ListLength(list), PTR2INT(Ns_ListLast(list)->first));
    list = Ns_ListDeleteDuplicates(Ns_ListSort(list, Smaller), Same);
    PutList(ds, list);
    list = Ns_ListDeleteIf(list, Odd);
    PutList(ds, list);
    list = Ns_ListNconc(list, Make("77"));
    list = Ns_ListDeleteWithTest(INT2PTR(7), Ns_ListNconc(NULL, list), Same);
    mapped = Ns_ListMapcar(list, Double);
    PutList(ds, mapped);
    PutList(ds, Ns_ListNmapcar(mapped, Double));
    for (Ns_List *cell = copy; cell != NULL; cell = cell->rest) {
        cell->weight = (float)PTR2INT(cell->first);
    }
    copy = Ns_ListDeleteLowElements(Ns_ListWeightSort(copy), 4.5f);
    PutList(ds, copy);
    Ns_ListPrint(copy, PrintInt);
    freed = 0;
    Ns_ListFree(copy, Count);
    Ns_ListFree(list, NULL);
    Ns_ListFree(mapped, NULL);
    Put(ds, "%d %d %d", freed, Ns_ListLast(NULL) == NULL, Ns_ListSort(NULL, Smaller) == NULL);
    return NS_OK;
}

const Check listChecks[] = {{"indexes", Indexes}, {"lists", Lists}, {NULL, NULL}};
