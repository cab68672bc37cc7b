/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Lists of cells (nslist.h).
 */
#include <stdio.h>
#include "nslist.h"

/* Cells that are collected in their order: `end` is where the next goes. */
typedef struct Chain {
    Ns_List  *first;
    Ns_List **end;
} Chain;

static void
ChainAppend(Chain *chain, Ns_List *cell)
{
    *chain->end = cell;
    chain->end = &cell->rest;
}

static Ns_List *
NewCell(void *elem, float weight, Ns_List *rest)
{
    Ns_List *cell = ns_malloc(sizeof(*cell));

    cell->first = elem;
    cell->weight = weight;
    cell->rest = rest;
    return cell;
}

Ns_List *
Ns_ListCons(void *elem, Ns_List *lPtr)
{
    return NewCell(elem, 0.0f, lPtr);
}

Ns_List *
Ns_ListLast(Ns_List *lPtr)
{
    while (lPtr != NULL && lPtr->rest != NULL) {
        lPtr = lPtr->rest;
    }
    return lPtr;
}

Ns_List *
Ns_ListNconc(Ns_List *l1Ptr, Ns_List *l2Ptr)
{
    if (l1Ptr == NULL) {
        return l2Ptr;
    }
    Ns_ListLast(l1Ptr)->rest = l2Ptr;
    return l1Ptr;
}

int
Ns_ListLength(const Ns_List *lPtr)
{
    int length = 0;

    for (; lPtr != NULL; lPtr = lPtr->rest) {
        length++;
    }
    return length;
}

void
Ns_ListFree(Ns_List *lPtr, Ns_ElemVoidProc *freeProc)
{
    while (lPtr != NULL) {
        Ns_List *rest = lPtr->rest;

        if (freeProc != NULL) {
            freeProc(lPtr->first);
        }
        ns_free(lPtr);
        lPtr = rest;
    }
}

/* ---------------------------------------------------------------------------------------------------- copies and values */

static void *
Itself(void *elem)
{
    return elem;
}

Ns_List *
Ns_ListMapcar(const Ns_List *lPtr, Ns_ElemValProc *valProc)
{
    Chain chain = {NULL, &chain.first};

    for (; lPtr != NULL; lPtr = lPtr->rest) {
        ChainAppend(&chain, NewCell(valProc(lPtr->first), lPtr->weight, NULL));
    }
    return chain.first;
}

Ns_List *
Ns_ListCopy(const Ns_List *lPtr)
{
    return Ns_ListMapcar(lPtr, Itself);
}

Ns_List *
Ns_ListNmapcar(Ns_List *lPtr, Ns_ElemValProc *valProc)
{
    for (Ns_List *cell = lPtr; cell != NULL; cell = cell->rest) {
        cell->first = valProc(cell->first);
    }
    return lPtr;
}

Ns_List *
Ns_ListNreverse(Ns_List *lPtr)
{
    Ns_List *reversed = NULL;

    while (lPtr != NULL) {
        Ns_List *rest = lPtr->rest;

        lPtr->rest = reversed;
        reversed = lPtr;
        lPtr = rest;
    }
    return reversed;
}

/* --------------------------------------------------------------------------------------------------------------- order */

/* Does the right cell come before the left one?  By a proc, or (NULL) by weight. */
static bool
ComesFirst(const Ns_List *left, const Ns_List *right, Ns_SortProc *sortProc)
{
    return sortProc != NULL ? sortProc(left->first, right->first) : right->weight > left->weight;
}

static Ns_List *
Merge(Ns_List *left, Ns_List *right, Ns_SortProc *sortProc)
{
    Chain chain = {NULL, &chain.first};

    while (left != NULL && right != NULL) {
        Ns_List **from = ComesFirst(left, right, sortProc) ? &right : &left;
        Ns_List  *cell = *from;

        *from = cell->rest;
        ChainAppend(&chain, cell);
    }
    *chain.end = left != NULL ? left : right;
    return chain.first;
}

/* The first `length` cells, which are cut off. */
static Ns_List *
SortPart(Ns_List *lPtr, int length, Ns_SortProc *sortProc)
{
    Ns_List *middle = lPtr;

    if (length < 2) {
        return lPtr;
    }
    for (int i = 1; i < length / 2; i++) {
        middle = middle->rest;
    }
    {
        Ns_List *right = middle->rest;

        middle->rest = NULL;
        return Merge(SortPart(lPtr, length / 2, sortProc), SortPart(right, length - length / 2, sortProc), sortProc);
    }
}

Ns_List *
Ns_ListSort(Ns_List *wPtr, Ns_SortProc *sortProc)
{
    return SortPart(wPtr, Ns_ListLength(wPtr), sortProc);
}

Ns_List *
Ns_ListWeightSort(Ns_List *wPtr)
{
    return SortPart(wPtr, Ns_ListLength(wPtr), NULL);
}

/* -------------------------------------------------------------------------------------------------------- what is gone */

static void
Unlink(Ns_List **link)
{
    Ns_List *cell = *link;

    *link = cell->rest;
    ns_free(cell);
}

Ns_List *
Ns_ListDeleteWithTest(void *elem, Ns_List *lPtr, Ns_EqualProc *equalProc)
{
    for (Ns_List **link = &lPtr; *link != NULL;) {
        if (equalProc(elem, (*link)->first)) {
            Unlink(link);
        } else {
            link = &(*link)->rest;
        }
    }
    return lPtr;
}

Ns_List *
Ns_ListDeleteIf(Ns_List *lPtr, Ns_ElemTestProc *testProc)
{
    for (Ns_List **link = &lPtr; *link != NULL;) {
        if (testProc((*link)->first)) {
            Unlink(link);
        } else {
            link = &(*link)->rest;
        }
    }
    return lPtr;
}

Ns_List *
Ns_ListDeleteDuplicates(Ns_List *lPtr, Ns_EqualProc *equalProc)
{
    for (Ns_List *cell = lPtr; cell != NULL; cell = cell->rest) {
        cell->rest = Ns_ListDeleteWithTest(cell->first, cell->rest, equalProc);
    }
    return lPtr;
}

Ns_List *
Ns_ListDeleteLowElements(Ns_List *mPtr, float minweight)
{
    for (Ns_List **link = &mPtr; *link != NULL;) {
        if ((*link)->weight < minweight) {
            Unlink(link);
        } else {
            link = &(*link)->rest;
        }
    }
    return mPtr;
}

/* ------------------------------------------------------------------------------------------------------------ printing */

void
Ns_ListPrint(const Ns_List *lPtr, Ns_ElemVoidProc *printProc)
{
    (void)fputc('(', stderr);
    for (const Ns_List *cell = lPtr; cell != NULL; cell = cell->rest) {
        if (cell != lPtr) {
            (void)fputc(' ', stderr);
        }
        printProc(cell->first);
    }
    (void)fputs(")\n", stderr);
}

void
Ns_IntPrint(int d)
{
    (void)fprintf(stderr, "%d", d);
}

void
Ns_StringPrint(const char *s)
{
    (void)fputs(s, stderr);
}
