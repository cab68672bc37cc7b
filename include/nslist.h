/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sorted arrays and lists.  Included by ns.h.
 *
 * Each has one user at a time: there is no lock.  What is put in belongs to the caller, unless it says otherwise.
 */
#ifndef NSLIST_H
#define NSLIST_H

#include "nsbase.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------ sorted arrays (base/index.c) */

/*
 * Pointers in the order of CmpEls, which gets the addresses of two of them, as qsort's; those that are equal in any order.  CmpKeyWithEl gets a key
 * and the address of one.  `inc`: by how many it grows, 1 at least.  The fields are the functions' own.
 */
typedef int (Ns_IndexCmpProc)(const void *left, const void *right);
typedef struct Ns_Index {
    void           **el;
    Ns_IndexCmpProc *CmpEls;
    Ns_IndexCmpProc *CmpKeyWithEl;
    size_t           n, max, inc;
} Ns_Index;
NS_EXTERN void   Ns_IndexInit(Ns_Index *indexPtr, size_t inc, int (*CmpEls)(const void *left, const void *right),
                              int (*CmpKeyWithEl)(const void *left, const void *right));
NS_EXTERN void   Ns_IndexAdd(Ns_Index *indexPtr, void *el);
NS_EXTERN void   Ns_IndexDel(Ns_Index *indexPtr, const void *el);              /* this very pointer; others may be equal */
NS_EXTERN void  *Ns_IndexEl(const Ns_Index *indexPtr, size_t i);               /* NULL: it has fewer */
NS_EXTERN void  *Ns_IndexFind(const Ns_Index *indexPtr, const void *key);      /* one that is equal, or NULL */
NS_EXTERN void  *Ns_IndexFindInf(const Ns_Index *indexPtr, const void *key);   /* the first that is not below the key, or NULL */
NS_EXTERN void **Ns_IndexFindMultiple(const Ns_Index *indexPtr, const void *key);      /* all that are equal, and NULL; ns_free it.  NULL: none */
NS_EXTERN Ns_Index *Ns_IndexDup(const Ns_Index *indexPtr);                     /* the same pointers; Ns_IndexDestroy and ns_free it */
NS_EXTERN void   Ns_IndexTrunc(Ns_Index *indexPtr);                            /* it is empty */
NS_EXTERN void   Ns_IndexDestroy(Ns_Index *indexPtr);                          /* its array is freed; Ns_IndexInit before it is used again */

/* Of strings, by strcmp.  Those that Add was given are made by ns_strdup, and the array's: Trunc and Destroy free them. */
NS_EXTERN void   Ns_IndexStringInit(Ns_Index *indexPtr, size_t inc);
NS_EXTERN Ns_Index *Ns_IndexStringDup(const Ns_Index *indexPtr);               /* of copies; Ns_IndexStringDestroy and ns_free it */
NS_EXTERN void   Ns_IndexStringAppend(Ns_Index *addtoPtr, const Ns_Index *addfromPtr);     /* copies */
NS_EXTERN void   Ns_IndexStringTrunc(Ns_Index *indexPtr);
NS_EXTERN void   Ns_IndexStringDestroy(Ns_Index *indexPtr);
/* Of numbers in pointers (INT2PTR), also as key. */
NS_EXTERN void   Ns_IndexIntInit(Ns_Index *indexPtr, size_t inc);

/* -------------------------------------------------------------------------------------------------- lists (base/list.c) */

/* A list is a pointer to its first cell; NULL is the empty one.  What gives a list that is not said to be new changes the one it was given. */
typedef struct Ns_List {
    void           *first;
    float           weight;
    struct Ns_List *rest;
} Ns_List;
typedef void  (Ns_ElemVoidProc)(void *elem);
typedef void *(Ns_ElemValProc)(void *elem);
typedef bool  (Ns_EqualProc)(void *elem1, void *elem2);
typedef bool  (Ns_ElemTestProc)(void *elem);
typedef bool  (Ns_SortProc)(void *left, void *right);                          /* true: the right one comes first */
NS_EXTERN Ns_List *Ns_ListCons(void *elem, Ns_List *lPtr);                     /* a new cell in front */
NS_EXTERN Ns_List *Ns_ListNconc(Ns_List *l1Ptr, Ns_List *l2Ptr);               /* the second behind the first */
NS_EXTERN Ns_List *Ns_ListCopy(const Ns_List *lPtr);                           /* new cells, the same elements */
NS_EXTERN Ns_List *Ns_ListLast(Ns_List *lPtr);                                 /* the last cell */
NS_EXTERN int      Ns_ListLength(const Ns_List *lPtr);
NS_EXTERN void     Ns_ListFree(Ns_List *lPtr, Ns_ElemVoidProc *freeProc);      /* freeProc for each element; NULL: they stay */
NS_EXTERN Ns_List *Ns_ListNreverse(Ns_List *lPtr);
NS_EXTERN Ns_List *Ns_ListSort(Ns_List *wPtr, Ns_SortProc *sortProc);          /* those of which none comes first keep their order */
NS_EXTERN Ns_List *Ns_ListWeightSort(Ns_List *wPtr);                           /* the heaviest first */
/* What is equal to the element, passes the test, was there before, weighs less goes; cells are freed, elements are not. */
NS_EXTERN Ns_List *Ns_ListDeleteWithTest(void *elem, Ns_List *lPtr, Ns_EqualProc *equalProc);
NS_EXTERN Ns_List *Ns_ListDeleteIf(Ns_List *lPtr, Ns_ElemTestProc *testProc);
NS_EXTERN Ns_List *Ns_ListDeleteDuplicates(Ns_List *lPtr, Ns_EqualProc *equalProc);
NS_EXTERN Ns_List *Ns_ListDeleteLowElements(Ns_List *mPtr, float minweight);
NS_EXTERN Ns_List *Ns_ListMapcar(const Ns_List *lPtr, Ns_ElemValProc *valProc);        /* new: what valProc gives for each */
NS_EXTERN Ns_List *Ns_ListNmapcar(Ns_List *lPtr, Ns_ElemValProc *valProc);             /* in their places */
/* "(a b c)\n" to standard error; Int, String: one element. */
NS_EXTERN void     Ns_ListPrint(const Ns_List *lPtr, Ns_ElemVoidProc *printProc);
NS_EXTERN void     Ns_IntPrint(int d);
NS_EXTERN void     Ns_StringPrint(const char *s);

#ifdef __cplusplus
}
#endif
#endif /* NSLIST_H */
