// The Functions app: each replica has one GPU and does one activity at a time.
param name string
param location string
param tags object
param environmentId string
param workloadProfile string
param identityId string
param identityClientId string
param registryServer string
param image string
param storageName string
param storeUri string
param share string
param shareSize int
param modelRoots string
param evaluators string
param insightsName string
param schedulerEndpoint string
param topicEndpoint string
param minReplicas int
param maxReplicas int

// The name in host.json; the backend's queue of activities is named after it.
var hub = 'pedigree'
var usesScheduler = schedulerEndpoint != ''

// All that a replica of the profile has.
var resourcesOf = {
  'Consumption-GPU-NC8as-T4': { cpu: json('8'), memory: '56Gi' }
  'Consumption-GPU-NC24-A100': { cpu: json('24'), memory: '220Gi' }
  Consumption: { cpu: json('4'), memory: '8Gi' }
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

var storageSettings = [
  { name: 'AzureWebJobsStorage__accountName', value: storageName }
  { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
  { name: 'AzureWebJobsStorage__clientId', value: identityClientId }
  { name: 'PEDIGREE_STORE', value: storeUri }
  { name: 'PEDIGREE_ROOTS', value: modelRoots }
  { name: 'AZURE_CLIENT_ID', value: identityClientId } // which identity DefaultAzureCredential takes
]

var hostSettings = [
  { name: 'FUNCTIONS_EXTENSION_VERSION', value: '~4' }
  { name: 'FUNCTIONS_WORKER_RUNTIME', value: 'dotnet-isolated' }
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insights.properties.ConnectionString }
]

var schedulerSettings = usesScheduler
  ? [
      { name: 'AzureFunctionsJobHost__extensions__durableTask__storageProvider__type', value: 'azureManaged' }
      {
        name: 'AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName'
        value: 'DURABLE_TASK_SCHEDULER_CONNECTION_STRING'
      }
      {
        name: 'DURABLE_TASK_SCHEDULER_CONNECTION_STRING'
        value: 'Endpoint=${schedulerEndpoint};Authentication=ManagedIdentity;ClientID=${identityClientId}'
      }
    ]
  : []

var eventSettings = topicEndpoint == '' ? [] : [{ name: 'PEDIGREE_EVENTS_TOPIC', value: topicEndpoint }]

// The share has room for what a replica's own disk has not.
var shareSettings = share == ''
  ? []
  : [
      { name: 'PEDIGREE_CACHE', value: '/models/.cache' }
      { name: 'PEDIGREE_CACHE_SIZE', value: '${shareSize / 2}GB' }
    ]

var evaluatorSettings = evaluators == '' ? [] : [{ name: 'PEDIGREE_EVALUATORS', value: evaluators }]

// The queue's length counts the messages that are being worked on as well: one replica for each waiting or running activity.
var queueRule = {
  name: 'activities'
  custom: {
    type: 'azure-queue'
    identity: identityId
    metadata: { accountName: storageName, queueName: '${hub}-workitems', queueLength: '1' }
  }
}

var schedulerRule = {
  name: 'activities'
  custom: {
    type: 'azure-durabletask-scheduler'
    identity: identityId
    metadata: {
      endpoint: schedulerEndpoint
      taskhubName: hub
      workItemType: 'Activity'
      maxConcurrentWorkItemsCount: '1'
    }
  }
}

// The service refuses rules of one's own unless they are said to replace its own, which it would derive from triggers: none for an
// activity on queues, so that the app would stay at its least replicas. Its documentation sets this on an app that exists; one that is
// made with it is reported to be refused. So they come with the first deployment, by the hook in azure.yaml, and with every provisioning after.
var bounds = { minReplicas: minReplicas, maxReplicas: maxReplicas, cooldownPeriod: 600 }
var scale = union(bounds, { allowScalingRuleOverride: true, rules: [usesScheduler ? schedulerRule : queueRule] })

resource app 'Microsoft.App/containerApps@2026-03-02-preview' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: workloadProfile
    configuration: {
      activeRevisionsMode: 'Single'
      ingress: { external: true, targetPort: 80, transport: 'auto', allowInsecure: false }
      registries: [{ server: registryServer, identity: identityId }]
    }
    template: {
      containers: [
        {
          name: 'functions'
          image: image == '' ? 'mcr.microsoft.com/azure-functions/dotnet-isolated:4-dotnet-isolated10.0' : image
          resources: resourcesOf[workloadProfile]
          env: concat(hostSettings, storageSettings, schedulerSettings, eventSettings, evaluatorSettings, shareSettings)
          volumeMounts: share == '' ? [] : [{ volumeName: 'models', mountPath: '/models' }]
        }
      ]
      volumes: share == '' ? [] : [{ name: 'models', storageType: 'NfsAzureFile', storageName: share }]
      // An activity that is cut off is begun again by another replica, so let it end where ten minutes suffice.
      terminationGracePeriodSeconds: 600
      scale: image == '' ? bounds : scale
    }
  }
}

output id string = app.id
output scaling string = string({ properties: { template: { scale: scale } } })
output url string = 'https://${app.properties.configuration.ingress!.fqdn}'
