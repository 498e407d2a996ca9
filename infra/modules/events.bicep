// The topic to which the app publishes the events of its runs, where one is wanted. Identities only: no key opens it.
param name string
param location string
param tags object
param principalId string

resource topic 'Microsoft.EventGrid/topics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  properties: {
    inputSchema: 'CloudEventSchemaV1_0'
    disableLocalAuth: true
    minimumTlsVersionAllowed: '1.2'
  }
}

var eventGridDataSender = 'd5a91429-5739-47e2-a06b-3470a27159e7'

resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: topic
  name: guid(topic.id, principalId, eventGridDataSender)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', eventGridDataSender)
    description: 'EventGrid Data Sender'
  }
}

output endpoint string = topic.properties.endpoint
