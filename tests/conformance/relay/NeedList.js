// What a Relay client would have: a list that is paged, a row, a refetch, a deed, a subscription.
import { graphql } from 'relay-runtime';

graphql`
  query NeedListQuery($area: String) {
    ...NeedList_query @arguments(area: $area)
  }
`;

graphql`
  fragment NeedList_query on Query
  @argumentDefinitions(
    count: { type: "Int", defaultValue: 20 }
    cursor: { type: "String" }
    area: { type: "String" }
  )
  @refetchable(queryName: "NeedListPaginationQuery") {
    needs(first: $count, after: $cursor, filter: { area: $area }, orderBy: PUBLISHED)
      @connection(key: "NeedList_needs", filters: ["filter", "orderBy"]) {
      edges {
        node {
          id
          ...NeedRow_need
        }
      }
    }
  }
`;

graphql`
  fragment NeedRow_need on Need
  @argumentDefinitions(
    lineCount: { type: "Int", defaultValue: 10 }
    lineCursor: { type: "String" }
  )
  @refetchable(queryName: "NeedRowRefetchQuery") {
    no
    publicTitle
    state
    lines(first: $lineCount, after: $lineCursor) @connection(key: "NeedRow_lines") {
      edges {
        node {
          item
          openQuantity
        }
      }
    }
  }
`;

graphql`
  mutation NeedListPledgeMutation($input: OfferPledgeInput!) {
    offerPledge(input: $input) {
      __typename
      ... on Pledge {
        id
        state
      }
      ... on Refusal {
        code
        message
      }
    }
  }
`;

graphql`
  subscription NeedListSubscription($filter: NeedFilter) {
    needPublished(filter: $filter) {
      ...NeedRow_need
    }
  }
`;
